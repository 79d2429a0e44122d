// Follows Signet's feed of revocations (docs/revocation-feed.md), so that a revoked token is refused about a second later.

import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

const MAX_ENTRIES = 1_000_000;
const MAX_BYTES = MAX_ENTRIES * 25 + 65536;
const FIRST_ANSWER = 5000; // milliseconds

const revoked = new Map(); // the handle, and when it may be forgotten, in milliseconds of the monotonic clock
const kids = new Set();
let endpoint, cursor, following;

/** Tells whether the token's key, or what it was granted by, is revoked. */
export async function isRevoked(issuer, kid, claims) {
  if (await namesOneOf(issuer, [kid])) return true;
  if (typeof claims.grant_id !== 'string') return false;
  return revoked.has(createHash('sha256').update(claims.grant_id).digest().subarray(0, 16).toString('base64url'));
}

/** Tells whether one of these keys is revoked. The first call starts to follow the feed and waits for its first answer. */
export async function namesOneOf(issuer, keys) {
  following ??= new Promise((settle) => {
    follow(issuer, settle);
    setTimeout(settle, FIRST_ANSWER).unref();
  });
  await following;
  return keys.some((kid) => kids.has(kid));
}

async function follow(issuer, settle) {
  for (let failures = 0; ; ) {
    let wait;
    try {
      wait = await step(issuer);
      settle();
      failures = 0;
    } catch (error) {
      // Whatever is wrong with an answer, it is silence.
      console.warn(`the feed of revocations did not answer: ${error.message}`);
      // An issuer that is away is asked again soon, so that its news is heard about a second after it is back.
      const away = error.status >= 500 || error.cause !== undefined || error.name === 'TimeoutError';
      const backOff = Math.min(away ? 1000 : 30_000, 200 * 2 ** Math.min(failures++, 8));
      const longest = Math.max(backOff, error.retryAfter ?? 0);
      wait = longest / 2 + (Math.random() * longest) / 2;
    }
    await pause(wait, undefined, { ref: false });
  }
}

/** Reads one answer, and returns how many milliseconds to wait before the next request. */
async function step(issuer) {
  if (!endpoint) {
    const found = (await get(`${issuer}/.well-known/openid-configuration`, 5000)).signet_revocations_endpoint;
    if (found === undefined && cursor !== undefined) throw new Error('the issuer names no feed any more');
    if (found === undefined) return 150_000 + Math.random() * 300_000;
    if (new URL(found).origin !== new URL(issuer).origin) throw new Error(`${found} is not of the issuer's origin`);
    endpoint = found;
  }
  const url = new URL(endpoint);
  if (cursor !== undefined) url.searchParams.set('after', cursor);
  const answer = await get(url, 30_000);
  const texts = (list) => Array.isArray(list) && list.every((text) => typeof text === 'string');
  const keys = answer.revoked_kids ?? [];
  if (typeof answer.cursor !== 'string' || !(Number.isInteger(answer.keep_for) && answer.keep_for >= 0) || !texts(answer.revoked) || !texts(keys)) {
    throw new Error('the answer is malformed');
  }
  const now = performance.now();
  for (const [handle, until] of revoked) if (until <= now) revoked.delete(handle);
  keys.forEach((kid) => kids.add(kid));
  const fresh = new Set(answer.revoked.filter((handle) => !revoked.has(handle)));
  if (revoked.size + fresh.size > MAX_ENTRIES) throw new Error('there are more revocations than there is room for');
  for (const handle of answer.revoked) revoked.set(handle, now + answer.keep_for * 1000);
  cursor = answer.cursor;
  return 100;
}

async function get(url, timeout) {
  const controller = new AbortController();
  let reader;
  // The signal alone does not always end a body that stops in the middle: fetch may have forgotten it by then.
  const timer = setTimeout(() => {
    controller.abort(late());
    // It fails where the signal has ended the body already. Node ends a process in which nobody takes note of that.
    reader?.cancel().catch(() => {});
  }, timeout);
  try {
    const response = await fetch(url, { redirect: 'manual', signal: controller.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      // The feed may have moved.
      if (response.status >= 400 && response.status < 500 && response.status !== 429) endpoint = undefined;
      const seconds = Number(response.headers.get('retry-after')) || 0;
      throw Object.assign(new Error(`status ${response.status}`), {
        status: response.status,
        retryAfter: Math.min(30, seconds) * 1000,
      });
    }
    reader = response.body.getReader();
    const chunks = [];
    let length = 0;
    for (let part; !(part = await reader.read()).done; ) {
      length += part.value.length;
      if (length > MAX_BYTES) throw new Error('the answer is too long');
      chunks.push(part.value);
    }
    if (controller.signal.aborted) throw late();
    return JSON.parse(Buffer.concat(chunks).toString());
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

const late = () => new DOMException('the answer did not end in time', 'TimeoutError');
