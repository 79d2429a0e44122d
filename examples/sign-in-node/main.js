// An example web app whose users sign in with Signet. This file has the pages, cookies and sessions of the app; signet.js talks to
// the issuer.
//
// signet client add --id shop-node --name "Node Shop" --access everyone --grant authorization_code --grant refresh_token \
//   --scope openid --scope profile --scope email --scope offline_access \
//   --redirect-uri http://localhost:9004/callback --post-logout-redirect-uri http://localhost:9004/
// npm ci && CLIENT_ID=shop-node CLIENT_SECRET=… npm start
//
// Without CLIENT_ID and CLIENT_SECRET but with INITIAL_ACCESS_TOKEN (from `signet client registration-token`), the app registers
// itself.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { APP, FORM_POST, begin, finish, refresh, signOut } from './signet.js';

/** The signed-in users, by session id. An app that runs in more than one process keeps them in a database. */
const people = new Map();

const secure = APP.startsWith('https:') ? '; Secure' : '';
// With form_post, the browser posts the answer from the issuer's site. It then sends only cookies with SameSite=None, and those
// must be Secure. On loopback addresses, browsers accept Secure cookies without TLS too.
const begunAttributes = `Path=/callback; HttpOnly; Max-Age=600; ${FORM_POST ? 'SameSite=None; Secure' : `SameSite=Lax${secure}`}`;
const session = (id, attributes = '') => `shop_node_session=${id}; Path=/; HttpOnly; SameSite=Lax${secure}${attributes}`;
const begunCookie = (value, attributes = '') => `shop_node_begun=${value}; ${begunAttributes}${attributes}`;

function cookie(request, name) {
  const pairs = (request.headers.cookie ?? '').split('; ').filter((pair) => pair.startsWith(`${name}=`));
  return pairs[0]?.slice(name.length + 1);
}

const escape = (text) => String(text ?? '').replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const page = (content) => `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Shop</title><h1>Shop</h1>${content}`;
const signInLink = '<p><a href="/sign-in">Sign in</a></p>';
const home = ({ name, email }) =>
  `<p>Signed in as <strong id="name">${escape(name)}</strong>, <span id="email">${escape(email)}</span></p>
<form method="post"><button formaction="/refresh">Refresh</button> <button formaction="/sign-out">Sign out</button></form>`;

const seeOther = (location, ...cookies) => ({ status: 303, headers: { location: String(location), 'set-cookie': cookies } });

const routes = {
  'GET /': ({ person }) => ({ status: 200, body: page(person ? home(person.claims) : signInLink) }),
  'GET /sign-in': async () => {
    const { location, begun } = await begin();
    return seeOther(location, begunCookie(new URLSearchParams(begun)));
  },
  [`${FORM_POST ? 'POST' : 'GET'} /callback`]: async ({ request, url, id }) => {
    const begun = cookie(request, 'shop_node_begun');
    if (!begun) throw new Error('no sign-in was started in this browser');
    const person = await finish(await toFetch(request, url), Object.fromEntries(new URLSearchParams(begun)));
    people.delete(id);
    const newId = randomBytes(32).toString('base64url');
    people.set(newId, person);
    return seeOther('/', session(newId), begunCookie('', '; Max-Age=0'));
  },
  'POST /refresh': async ({ id, person }) => {
    if (!person) return seeOther('/');
    try {
      people.set(id, await refresh(person));
    } catch (error) {
      // The refresh token is no longer valid, because the issuer has ended the session. So end it here too.
      if (error.error === 'invalid_grant') people.delete(id);
      throw error;
    }
    return seeOther('/');
  },
  'POST /sign-out': async ({ id, person }) => {
    people.delete(id);
    return seeOther(person ? await signOut(person) : '/', session('', '; Max-Age=0'));
  },
};

/** Converts a request of Node into a Request of the Fetch API, which openid-client reads. */
async function toFetch(request, url) {
  if (request.method === 'GET') return new Request(url);
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 65536) throw new RangeError('body too large');
  }
  return new Request(url, { method: 'POST', headers: { 'content-type': request.headers['content-type'] ?? '' }, body });
}

async function answer(request) {
  const url = new URL(APP + request.url);
  const handle = routes[`${request.method} ${url.pathname}`];
  if (!handle) return { status: 404, body: page('<p>There is no such page.</p>') };
  const id = cookie(request, 'shop_node_session');
  return handle({ request, url, id, person: people.get(id) });
}

createServer(async (request, response) => {
  const failed = (error) => {
    console.error(error);
    // error.error is the error code of the issuer, such as access_denied.
    const message = escape(error.error ?? error.message);
    return { status: 400, body: page(`<p>It did not work: <strong id="error">${message}</strong></p>${signInLink}`) };
  };
  const { status, headers, body } = await answer(request).catch(failed);
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', ...headers }).end(body);
}).listen(Number(process.env.PORT ?? 9004), '127.0.0.1');
