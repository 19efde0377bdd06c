import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { ACCEPTED_BODIES, type Api, NOW, startApi } from './api';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const shop = newApiKey('shop');
const bearing = { Authorization: `Bearer ${shop.key}` };

let api: Api;
beforeEach(async () => {
  api = await startApi({ access: { keys: parseApiKeys(shop.entry), publicPaths: ['/livez'] } });
});
afterEach(() => api.close());

const returned = async (path: string, headers: Record<string, string> = {}) =>
  (await api.request(path, { headers })).headers.get('X-Request-Id') ?? '';

test.each(['a', 'checkout-7.3_x', '0aF=/+@:', 'x'.repeat(128)])('the id "%s" is taken over', async (id) => {
  expect(await returned('/livez', { 'X-Request-Id': id })).toBe(id);
});

test.each(['', 'x'.repeat(129), 'two words', 'a"b', 'a,b', '<b>', 'ä', '{}', '$x'])(
  'instead of "%s" there is another one',
  async (id) => {
    expect(await returned('/livez', { 'X-Request-Id': id })).toMatch(UUID);
  },
);

test('each request without one gets its own, whatever is answered', async () => {
  const paths = ['/livez', '/livez', '/nowhere', `/livez?${'x'.repeat(9_000)}`];
  const ids = await Promise.all([...paths.map((path) => returned(path)), returned('/nowhere', bearing)]);
  for (const id of ids) expect(id).toMatch(UUID);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(Object.entries(ACCEPTED_BODIES))(
  'a message accepted by POST %s is logged once, with the request that brought it',
  async (path, sent) => {
    const { headers, body } = await api.post(path, sent, bearing);
    const dueAt = String(body.due_at);
    expect(api.log.lines).toEqual([
      {
        level: 'info',
        event: 'accepted',
        messageId: body.id,
        to: api.scheduled.at(-1)?.to,
        delayMs: Date.parse(dueAt) - NOW,
        dueAt,
        requestId: headers.get('X-Request-Id'),
        key: 'shop',
      },
    ]);
  },
);

test('an answer that is repeated is not logged as accepted once more', async () => {
  const submit = () => api.post('/submit-order', { order_id: 'A1' }, bearing);
  await submit();
  const logged = [...api.log.lines];
  expect((await submit()).headers.get('Idempotent-Replayed')).toBe('true');
  expect(logged).toHaveLength(1);
  expect(api.log.lines).toEqual(logged);
});

test('requests side by side are not mixed up, whatever their size', async () => {
  const requests = Array.from({ length: 50 }, async (_, i) => {
    const padding = ' '.repeat(i * 5_000);
    const { body } = await api.request('/submit-order', {
      method: 'POST',
      headers: { ...bearing, 'Content-Type': 'application/json', 'X-Request-Id': `request-${i}` },
      body: `{"order_id": "A${i}"${padding}}`,
    });
    return [body.id, `request-${i}`];
  });
  const expected = Object.fromEntries(await Promise.all(requests));
  const logged = api.log.lines.map(({ messageId, requestId }) => [messageId, requestId]);
  expect(Object.fromEntries(logged)).toEqual(expected);
});

test('a message that is refused is not logged as accepted', async () => {
  api.log.lines.length = 0;
  await api.post('/submit-order', {}, bearing);
  expect(api.log.lines).toEqual([]);
});
