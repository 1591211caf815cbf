import { createServer } from 'node:http';

/** The least that counts as a service when the store starts; returns its environment. */
const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, pid: process.pid, environment: process.env }));
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
