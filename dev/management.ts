const REQUEST_TIMEOUT_MS = 10_000;
/** A virtual host's queues are deleted one after the other, 195 of them in several seconds, longer on a busy machine. */
const DELETE_TIMEOUT_MS = 60_000;

/**
 * Sends a request to RabbitMQ's management API as guest and returns the parsed answer, or `undefined` when
 * it is empty.
 *
 * @param managementUrl such as `http://127.0.0.1:15673`
 * @param path from `/api` on, names in it already encoded
 * @param body sent as JSON; default none
 * @param timeoutMs how long the answer may take, in milliseconds; default 10,000
 * Throws with method, path, status and reason when the answer is not 2xx, and when none comes in that time.
 */
export async function managementRequest(
  managementUrl: string,
  method: string,
  path: string,
  body?: unknown,
  timeoutMs: number = REQUEST_TIMEOUT_MS,
): Promise<unknown> {
  const response = await fetch(`${managementUrl}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
      'content-type': 'application/json',
      // RabbitMQ 4.3 closes a connection that is idle for 5 s. Whoever's event loop is blocked then (by compiling a
      // test file, for instance) does not see it, and would send the next request on what is closed.
      connection: 'close',
    },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${reasonIn(text) || response.statusText}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}

/** Creates a virtual host; guest may use it at once. Fine when it exists. */
export async function createVhost(managementUrl: string, name: string): Promise<void> {
  const vhost = encodeURIComponent(name);
  await managementRequest(managementUrl, 'PUT', `/api/vhosts/${vhost}`, {});
  const permissions = { configure: '.*', write: '.*', read: '.*' };
  await managementRequest(managementUrl, 'PUT', `/api/permissions/${vhost}/guest`, permissions);
}

/** Deletes a virtual host with everything in it; throws when there is none, and when it takes longer than a minute. */
export async function deleteVhost(managementUrl: string, name: string): Promise<void> {
  const path = `/api/vhosts/${encodeURIComponent(name)}`;
  await managementRequest(managementUrl, 'DELETE', path, undefined, DELETE_TIMEOUT_MS);
}

function reasonIn(text: string): string {
  try {
    const { reason, error } = JSON.parse(text) as { reason?: unknown; error?: unknown };
    return String(reason ?? error ?? text);
  } catch {
    return text;
  }
}
