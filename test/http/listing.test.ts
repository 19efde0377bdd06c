import { type Api, inShort, NOW, pathOf, problemIn, recordOutcome, startApi } from './api';

const MINUTE_MS = 60_000;

let now: number;
let api: Api;
afterEach(() => api.close());

async function start(limit?: number): Promise<void> {
  now = NOW;
  api = await startApi({ clock: () => now, ...(limit !== undefined && { limit }) });
}

const PAYLOADS = { orders: { order_id: 'A1' }, emails: { email: 'ann@example.com' } };

async function accept(id: string, to: keyof typeof PAYLOADS, minutes: number, key?: string): Promise<void> {
  const message = { id, to, payload: PAYLOADS[to], delay_ms: minutes * MINUTE_MS, key };
  expect((await api.post('/v1/messages', message)).status).toBe(202);
}

interface Page {
  readonly messages: readonly { readonly id: string }[];
  readonly next_cursor: string | null;
  readonly complete: boolean;
}

async function list(query: Record<string, string | number> = {}): Promise<Page> {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) text.append(name, String(value));
  const { status, body } = await api.request(`/v1/messages?${text}`);
  expect(status).toBe(200);
  return body as unknown as Page;
}

const ids = ({ messages }: Page) => messages.map(({ id }) => id);
const at = (epochMs: number) => new Date(epochMs).toISOString();

describe('a list of messages of every kind', () => {
  beforeEach(async () => {
    await start();
    await accept('late', 'orders', 60, 'ann');
    await accept('soon', 'emails', 10, 'ann');
    await accept('due', 'emails', 1);
    await accept('handled', 'orders', 2, 'bob');
    await accept('parked', 'orders', 3);
    await accept('retrying', 'orders', 4);
    await accept('cancelled', 'orders', 5, 'ann');
    await api.delete(pathOf('cancelled'));
    now = NOW + 4 * MINUTE_MS;
    const of = (id: string, minutes: number) => {
      const delivery = api.scheduled.find((request) => request.id === id)?.delivery ?? '';
      return { id, delivery, dueAt: NOW + minutes * MINUTE_MS, at: now };
    };
    await recordOutcome(api, 'handled', of('handled', 2));
    await recordOutcome(api, 'parked', { ...of('parked', 3), error: 'rejected' });
    await recordOutcome(api, 'retried', { ...of('retrying', 20), attempt: 2, error: 'busy' });
  });

  const due = (minutes: number, offset = 'Z') =>
    new Date(NOW + minutes * MINUTE_MS).toISOString().replace('Z', offset);

  test('shows of each what its status says, without the timeline', async () => {
    const { messages, next_cursor, complete } = await list({ status: 'retrying' });
    expect(messages).toEqual([
      {
        id: 'retrying',
        to: 'orders',
        status: 'retrying',
        due_at: at(NOW + 20 * MINUTE_MS),
        accepted_at: at(NOW),
        attempts: 1,
        error: 'busy',
      },
    ]);
    expect([next_cursor, complete]).toEqual([null, true]);
    const { timeline, ...summary } = (await api.request(pathOf('late'))).body;
    expect((await list({ status: 'scheduled', to: 'orders' })).messages).toEqual([summary]);
    expect(summary.key).toBe('ann');
  });

  test.each<[Record<string, string | number>, string[]]>([
    [{}, ['due', 'handled', 'parked', 'cancelled', 'soon', 'retrying', 'late']],
    [{ to: 'orders' }, ['handled', 'parked', 'cancelled', 'retrying', 'late']],
    [{ to: 'emails' }, ['due', 'soon']],
    [{ to: 'relay' }, []],
    [{ status: 'scheduled' }, ['soon', 'late']],
    [{ status: 'due' }, ['due']],
    [{ status: 'retrying' }, ['retrying']],
    [{ status: 'handled' }, ['handled']],
    [{ status: 'parked' }, ['parked']],
    [{ status: 'cancelled' }, ['cancelled']],
    [{ key: 'ann' }, ['cancelled', 'soon', 'late']],
    [{ key: 'bob' }, ['handled']],
    [{ key: 'nobody' }, []],
    [{ key: 'ann', to: 'orders', status: 'scheduled' }, ['late']],
    [{ due_after: due(5) }, ['cancelled', 'soon', 'retrying', 'late']],
    [{ due_after: due(5.001) }, ['soon', 'retrying', 'late']],
    [{ due_before: due(5) }, ['due', 'handled', 'parked']],
    [{ due_before: due(5.001) }, ['due', 'handled', 'parked', 'cancelled']],
    [{ due_after: due(2), due_before: due(10) }, ['handled', 'parked', 'cancelled']],
    [{ due_after: due(62, '+01:00') }, ['handled', 'parked', 'cancelled', 'soon', 'retrying', 'late']],
    [{ due_after: due(10), due_before: due(10) }, []],
    [{ due_after: due(20), due_before: due(10) }, []],
    [{ key: 'ann', due_after: due(6), due_before: due(60) }, ['soon']],
    [{ to: 'emails', status: 'scheduled', key: 'ann', due_before: due(11) }, ['soon']],
    [{ limit: 2 }, ['due', 'handled']],
  ])('%j: the soonest due first', async (query, expected) => {
    expect(ids(await list(query))).toEqual(expected);
  });

  test('what comes due goes from scheduled to due', async () => {
    now = NOW + 10 * MINUTE_MS;
    expect(ids(await list({ status: 'due' }))).toEqual(['due', 'soon']);
    expect(ids(await list({ status: 'scheduled' }))).toEqual(['late']);
  });

  test('what is moved has another place', async () => {
    await api.patch(pathOf('late'), { delay: '2s' });
    await api.patch(pathOf('soon'), { delay: '2h' });
    expect(ids(await list({ key: 'ann' }))).toEqual(['late', 'cancelled', 'soon']);
    expect(ids(await list({ status: 'scheduled' }))).toEqual(['late', 'soon']);
  });

  test('the overview counts them, and shows what is next', async () => {
    const { status, body } = await api.request('/v1/overview');
    expect(status).toBe(200);
    const none = { scheduled: 0, due: 0, retrying: 0, handled: 0, parked: 0, cancelled: 0 };
    expect(body).toEqual({
      counts: {
        orders: { ...none, scheduled: 1, retrying: 1, handled: 1, parked: 1, cancelled: 1 },
        emails: { ...none, scheduled: 1, due: 1 },
      },
      next_due: expect.any(Array),
      ledger: { messages: 7, most: 1_000, full: false },
      complete: true,
    });
    const next = body.next_due as Page['messages'];
    expect(next.map(({ id }) => id)).toEqual(['due', 'soon', 'retrying', 'late']);
    expect(next[1]).toEqual((await list({ status: 'scheduled', to: 'emails' })).messages[0]);
  });
});

describe('with no messages', () => {
  beforeEach(() => start());

  test('lists are empty', async () => {
    for (const query of [{}, { to: 'orders' }, { status: 'due' }, { key: 'ann' }, { limit: 1 }] as const)
      expect(await list(query)).toEqual({ messages: [], next_cursor: null, complete: true });
  });

  test('so is the overview', async () => {
    expect((await api.request('/v1/overview')).body).toEqual({
      counts: {},
      next_due: [],
      ledger: { messages: 0, most: 1_000, full: false },
      complete: true,
    });
  });

  test.each<[string, string[]]>([
    ['limit=0', ['query.limit invalid_format']],
    ['limit=501', ['query.limit invalid_format']],
    ['limit=-1', ['query.limit invalid_format']],
    ['limit=1.5', ['query.limit invalid_format']],
    ['limit=007', ['query.limit invalid_format']],
    ['limit=', ['query.limit invalid_format']],
    ['limit=ten', ['query.limit invalid_format']],
    ['limit=1&limit=2', ['query.limit wrong_type']],
    ['to=nowhere', ['query.to invalid_value']],
    ['to=__proto__', ['query.to invalid_value']],
    ['status=done', ['query.status invalid_value']],
    ['due_after=tomorrow', ['query.due_after invalid_format']],
    ['due_before=2026-12-24', ['query.due_before invalid_format']],
    ['due_before=2026-12-24T18:00:00+01:00', ['query.due_before invalid_format']],
    ['key=', ['query.key too_small']],
    [`key=${'x'.repeat(129)}`, ['query.key too_big']],
    ['order=id', ['query.order unknown_field']],
    [
      'to=nowhere&limit=0&x=1',
      ['query.to invalid_value', 'query.limit invalid_format', 'query.x unknown_field'],
    ],
  ])('?%s is refused', async (query, faults) => {
    const { status, body } = await api.request(`/v1/messages?${query}`);
    expect([status, body.detail.map(inShort)]).toEqual([422, faults]);
  });

  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each([
    '',
    'x',
    '%00',
    'null',
    encoded(null),
    encoded([]),
    encoded([1]),
    encoded([1, '']),
    encoded(['1', 'a']),
    encoded([1.5, 'a']),
    encoded([1, 'a', 2]),
    encoded([1, 'x'.repeat(129)]),
    encoded({ dueAt: 1, id: 'a' }),
  ])('%j is no cursor', async (cursor) => {
    const { status, body } = await api.request(`/v1/messages?cursor=${cursor}`);
    expect([status, body.detail]).toEqual([
      422,
      [{ loc: ['query', 'cursor'], msg: 'must be the next_cursor of a list', type: 'invalid_value' }],
    ]);
  });
});

describe('page by page', () => {
  /** Every third is due at the same time as the one before, every second has a key. */
  const names = Array.from({ length: 25 }, (_, i) => `id-${String(i).padStart(2, '0')}`);
  const minutesOf = (i: number) => 10 + i - Number(i % 3 === 2);

  beforeEach(async () => {
    await start();
    // Accepted in another order than they are due.
    for (const i of names.map((_, i) => (i * 7) % names.length))
      await accept(
        names[i] ?? '',
        i % 5 === 0 ? 'emails' : 'orders',
        minutesOf(i),
        i % 2 ? 'odd' : undefined,
      );
  });

  async function pages(query: Record<string, string | number>): Promise<string[][]> {
    const found: string[][] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: Page = await list({ ...query, ...(cursor !== undefined && { cursor }) });
      found.push(ids(page));
      cursor = page.next_cursor;
    }
    return found;
  }

  test.each([1, 2, 3, 7, 24, 25, 26, 500])(
    'of %d at most: all of them, in order, none twice',
    async (limit) => {
      const found = await pages({ limit });
      expect(found.flat()).toEqual(names);
      expect(found).toHaveLength(Math.ceil(names.length / limit));
      expect(found.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    },
  );

  test('a page has 100 unless another number is asked for', async () => {
    for (let i = 0; i < 76; i++) await accept(`more-${i}`, 'orders', 100);
    expect((await pages({})).map(({ length }) => length)).toEqual([100, 1]);
  });

  test('filters hold for every page', async () => {
    const odd = names.filter((_, i) => i % 2 === 1);
    expect((await pages({ key: 'odd', limit: 2 })).flat()).toEqual(odd);
    const mails = names.filter((_, i) => i % 5 === 0);
    expect((await pages({ to: 'emails', status: 'scheduled', limit: 2 })).flat()).toEqual(mails);
    const due_after = at(NOW + minutesOf(5) * MINUTE_MS);
    const later = names.filter((_, i) => minutesOf(i) >= minutesOf(5));
    expect((await pages({ due_after, limit: 4 })).flat()).toEqual(later);
  });

  test('what comes, moves and goes between two pages is shown once at most, everything else once', async () => {
    const first = await list({ limit: 10 });
    await accept('before', 'orders', 5);
    await accept('after', 'orders', 500);
    await api.patch(pathOf('id-00'), { delay: '400m' });
    await api.delete(pathOf('id-09'));
    await api.delete(pathOf('id-20'));
    const rest = await list({ limit: 500, cursor: String(first.next_cursor) });
    expect(ids(first)).toEqual(names.slice(0, 10));
    expect(ids(rest)).toEqual([...names.slice(10), 'id-00', 'after']);
  });
});

describe('when there are more messages than are kept in view', () => {
  beforeEach(async () => {
    await start(3);
    for (const [i, id] of ['a', 'b', 'c'].entries()) await accept(id, 'orders', 10 * (i + 1));
  });

  test('up to the limit all of them are there', async () => {
    const { body } = await api.request('/v1/overview');
    expect(body).toMatchObject({ ledger: { messages: 3, most: 3, full: true }, complete: true });
    expect((await list()).complete).toBe(true);
  });

  test('beyond it the last due makes room and is not found any more, and lists say that they are not complete', async () => {
    await accept('d', 'orders', 1);
    const page = await list();
    expect([ids(page), page.complete]).toEqual([['d', 'a', 'b'], false]);
    const { body } = await api.request('/v1/overview');
    expect(body).toMatchObject({ ledger: { messages: 3, most: 3, full: true }, complete: false });
    expect(problemIn(await api.request(pathOf('c')))).toBe('404 unknown-message');
    expect(problemIn(await api.delete(pathOf('c')))).toBe('404 unknown-message');
    expect(problemIn(await api.patch(pathOf('c'), { delay: '1h' }))).toBe('404 unknown-message');
  });

  test('what is finished makes room before anything that waits', async () => {
    await api.delete(pathOf('b'));
    await accept('d', 'orders', 60);
    expect(ids(await list())).toEqual(['a', 'c', 'd']);
  });

  test('what had to make room can be cancelled by an id that the service made, which says when it is due', async () => {
    const { body } = await api.post('/v1/messages', { to: 'orders', payload: PAYLOADS.orders, delay: '90m' });
    const id = String(body.id);
    expect(problemIn(await api.request(pathOf(id)))).toBe('404 unknown-message');
    const { status, body: answer } = await api.delete(pathOf(id));
    expect([status, answer]).toEqual([200, { id, status: 'cancelled' }]);
    expect(api.verdicts.isVoid({ id, delivery: id })).toBe(true);
    now = NOW + 90 * MINUTE_MS - 999;
    expect(problemIn(await api.delete(pathOf(id)))).toBe('409 too-late');
  });
});
