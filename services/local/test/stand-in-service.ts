import { createServer } from 'node:http';

/** A service as far as its start sees one; shows its environment. */
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, pid: process.pid, environment: process.env }));
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
