const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Sends a request to RabbitMQ's management API as guest and returns the parsed answer, or `undefined` when
 * it is empty.
 *
 * @param managementUrl such as `http://127.0.0.1:15673`
 * @param path from `/api` on, names in it already encoded
 * @param body sent as JSON; default none
 * Throws with method, path, status and reason when the answer is not 2xx, and when none comes within 10 s.
 */
export async function managementRequest(
  managementUrl: string,
  method: string,
  path: string,
  body?: unknown,
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
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
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

/** Deletes a virtual host with everything in it; throws when there is none. */
export async function deleteVhost(managementUrl: string, name: string): Promise<void> {
  await managementRequest(managementUrl, 'DELETE', `/api/vhosts/${encodeURIComponent(name)}`);
}

function reasonIn(text: string): string {
  try {
    const { reason, error } = JSON.parse(text) as { reason?: unknown; error?: unknown };
    return String(reason ?? error ?? text);
  } catch {
    return text;
  }
}
