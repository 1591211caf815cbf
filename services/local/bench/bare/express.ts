import assert from 'node:assert/strict';
import { compare } from 'bcrypt';
import { auth, Client, types } from 'cassandra-driver';
import express from 'express';

/**
 * The least that an Express service could be: each route is one prepared statement and its rows as the driver returns them, without any
 * check, limit, metric or log. Runs as a process of its own; see `npm run bench`.
 */
const { PORT, CONTACT_POINT, DATA_CENTER, USERNAME, PASSWORD, CURRENCY } = process.env;
assert.ok(PORT && CONTACT_POINT && DATA_CENTER && USERNAME && PASSWORD && CURRENCY);

const HEAD = '00000000-0000-0000-0000-000000000000';
const client = new Client({
  contactPoints: [CONTACT_POINT],
  localDataCenter: DATA_CENTER,
  authProvider: new auth.PlainTextAuthProvider(USERNAME, PASSWORD),
  queryOptions: { prepare: true, consistency: types.consistencies.localQuorum },
});
await client.connect();

const query = async (text: string, params: unknown[]) => (await client.execute(text, params)).rows;

const app = express();
app.disable('x-powered-by').disable('etag');

app.get('/list', async (_request, response) => {
  const rows = await query(
    `SELECT product_id, sku, name, brand, category, price_minor, currency, images, in_stock, created_at
     FROM product.listing_by_newest WHERE listing = ? LIMIT 21`,
    ['all'],
  );
  response.json(rows);
});

app.get('/product/:id', async ({ params }, response) => {
  const rows = await query(
    `SELECT product_id, sku, name, description, brand, category, price_minor, currency, images, attributes, available, status, version,
       created_at, updated_at
     FROM product.products WHERE product_id = ? AND op_id = ?`,
    [params.id, HEAD],
  );
  response.json(rows[0]);
});

app.get('/cart/:id', async ({ params }, response) => {
  const rows = await query('SELECT cart_id, version, lines, updated_at FROM cart.carts WHERE cart_id = ?', [params.id]);
  response.json(rows[0]);
});

app.post('/cart/:id', express.json(), async ({ params, body }, response) => {
  const line = { ...body, unit_price_minor: types.Long.fromNumber(body.unit_price_minor), currency: CURRENCY };
  const rows = await query(
    `INSERT INTO cart.carts (cart_id, version, write_id, lines, updated_at) VALUES (?, 1, ?, ?, ?)
     IF NOT EXISTS USING TTL 2592000`,
    [params.id, types.Uuid.random(), [line], new Date()],
  );
  response.status(201).json({ rows, line: body });
});

app.post('/login', express.json(), async ({ body }, response) => {
  const [row] = await query('SELECT user_id, password_hash FROM users.credentials WHERE email = ?', [body.email]);
  const isRight = await compare(body.password, row?.password_hash);
  response.status(isRight ? 200 : 401).json({ id: row?.user_id });
});

app.listen(Number(PORT), '127.0.0.1');
