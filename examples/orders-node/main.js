// An example service that keeps orders. GET /orders requires the scope orders:read, POST /orders requires orders:write, and
// GET /me requires any valid token.
//
// npm ci && npm start          # on http://127.0.0.1:9003

import { createServer } from 'node:http';
import { Refusal, claims } from './auth.js';

const orders = [];

const routes = {
  'GET /orders': { scope: 'orders:read', handle: () => [200, orders] },
  'POST /orders': {
    scope: 'orders:write',
    handle: (token, body) => {
      const { item } = JSON.parse(body);
      if (typeof item !== 'string') return [422, { error: 'item: expected a string' }];
      const order = { item, by: token.sub };
      orders.push(order);
      return [201, order];
    },
  },
  'GET /me': {
    scope: '',
    handle: (token) => [200, { sub: token.sub, client_id: token.client_id, scopes: (token.scope ?? '').split(' ').filter(Boolean) }],
  },
};

async function read(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 65536) throw new RangeError('body too large');
  }
  return body;
}

createServer(async (request, response) => {
  const answer = (status, headers, body) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body === null ? '' : JSON.stringify(body));
  const path = request.url.split('?')[0];
  const route = routes[`${request.method} ${path}`];
  if (!route) return answer(Object.keys(routes).some((known) => known.endsWith(` ${path}`)) ? 405 : 404, {}, null);
  try {
    const token = await claims(request, route.scope);
    const [status, body] = route.handle(token, await read(request));
    answer(status, {}, body);
  } catch (error) {
    if (error instanceof Refusal) answer(error.status, error.headers, error.body);
    else answer(400, {}, { error: 'invalid_request' });
  }
}).listen(Number(process.env.PORT ?? 9003), '127.0.0.1');
