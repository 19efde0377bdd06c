import { OutcomeUnknownError } from '../../src/errors';
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { type Api, inShort, NOW, pathOf, problemIn, recordOutcome, startApi } from './api';

const YEAR_MINUTES = 365 * 24 * 60;
const MINUTE_MS = 60_000;

/** Two hours from now, as somebody in Berlin sees it. */
const STARTS_AT = '2026-11-20T15:00:00+01:00';
const meeting = { meeting_id: 'M1', email: 'ann@example.com', starts_at: STARTS_AT, title: 'Planning' };

let now: number;
let failures: Error[];
let api: Api;
beforeEach(async () => {
  now = NOW;
  failures = [];
  api = await startApi({
    clock: () => now,
    before: () => {
      const failure = failures.shift();
      if (failure) throw failure;
    },
  });
});
afterEach(() => api.close());

/** The id of the meeting's first reminder and of those that follow within its minute. */
const idOf = (nth: number, meetingId = 'M1') => `meeting:${meetingId}:${NOW / MINUTE_MS + nth - 1}`;

const remind = (body: object) => api.post('/meeting-reminder', body);
const callOff = (meetingId = 'M1') => api.delete(`/meeting-reminder/${encodeURIComponent(meetingId)}`);
const replayed = ({ headers }: { headers: Headers }) => headers.get('Idempotent-Replayed');
const statusOf = async (number: number) => (await api.request(pathOf(idOf(number)))).body.status;
/** What would be sent: what is in the wheel and not void, by when it is due. */
const toBeSent = () =>
  api.scheduled
    .filter(({ id = '', delivery = '' }) => !api.verdicts.isVoid({ id, delivery }))
    .map(({ dueAt }) => new Date(Math.max(dueAt, NOW)).toISOString());
/** The latest reminder's time has come, and it was sent. */
const sent = async (status: 'handled' | 'parked' = 'handled') => {
  const { id = '', delivery = '', dueAt = 0 } = api.scheduled.at(-1) ?? {};
  now = Math.max(now, dueAt);
  await recordOutcome(api, status, { id, to: 'emails', delivery, dueAt, at: now });
};

test('a mail goes out a quarter of an hour before the meeting starts', async () => {
  const { status, body } = await remind(meeting);
  expect(status).toBe(202);
  expect(body).toEqual({
    msg: 'mail to ann@example.com goes out 15 minutes before meeting M1',
    id: idOf(1),
    due_at: '2026-11-20T13:45:00.000Z',
  });
  expect(api.scheduled).toEqual([
    expect.objectContaining({
      id: idOf(1),
      to: 'emails',
      dueAt: NOW + 105 * MINUTE_MS,
      payload: {
        email: 'ann@example.com',
        template: 'reminder',
        variables: { title: 'Planning', starts_at: 'Friday, 20 November 2026, 15:00 (UTC+01:00)' },
      },
    }),
  ]);
  const list = await api.request('/v1/messages?key=meeting:M1');
  expect(list.body.messages).toEqual([expect.objectContaining({ id: idOf(1), status: 'scheduled' })]);
});

test('without a title it is called "Your meeting"', async () => {
  const { title, ...untitled } = meeting;
  expect((await remind(untitled)).status).toBe(202);
  expect(api.scheduled).toMatchObject([{ payload: { variables: { title: 'Your meeting' } } }]);
});

test.each([
  [0, '2026-11-20T14:00:00.000Z'],
  [1, '2026-11-20T13:59:00.000Z'],
  [120, '2026-11-20T12:00:00.000Z'],
])('it may go out %d minutes before', async (minutes_before, dueAt) => {
  const { body } = await remind({ ...meeting, minutes_before });
  expect(body).toMatchObject({
    msg: `mail to ann@example.com goes out ${minutes_before} minutes before meeting M1`,
    due_at: dueAt,
  });
});

test.each([121, YEAR_MINUTES])(
  'a meeting that starts sooner than %d minutes from now is reminded of now',
  async (minutes_before) => {
    const { status, body } = await remind({ ...meeting, minutes_before });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      msg: `mail to ann@example.com goes out now, less than ${minutes_before} minutes before meeting M1`,
      due_at: new Date(NOW).toISOString(),
    });
  },
);

const { meeting_id: _, ...withoutId } = meeting;

test.each<[object, string]>([
  [withoutId, 'body.meeting_id missing'],
  [{ ...meeting, meeting_id: '' }, 'body.meeting_id too_small'],
  [{ ...meeting, meeting_id: 'x'.repeat(129) }, 'body.meeting_id too_big'],
  [{ ...meeting, email: 'ann' }, 'body.email invalid_format'],
  [{ ...meeting, starts_at: '2026-11-20T15:00:00' }, 'body.starts_at invalid_format'],
  [{ ...meeting, starts_at: '2026-11-20' }, 'body.starts_at invalid_format'],
  [{ ...meeting, starts_at: '2026-02-30T15:00:00Z' }, 'body.starts_at invalid_format'],
  [{ ...meeting, starts_at: 1_800_000_000_000 }, 'body.starts_at wrong_type'],
  [{ ...meeting, starts_at: '2026-11-20T11:59:59.999Z' }, 'body.starts_at invalid_value'],
  [{ ...meeting, starts_at: '2026-11-20T13:00:00+01:00' }, 'body.starts_at invalid_value'],
  [{ ...meeting, starts_at: '2037-11-20T12:00:00Z' }, 'body.starts_at invalid_value'],
  [{ ...meeting, minutes_before: -1 }, 'body.minutes_before too_small'],
  [{ ...meeting, minutes_before: 1.5 }, 'body.minutes_before wrong_type'],
  [{ ...meeting, minutes_before: '15' }, 'body.minutes_before wrong_type'],
  [{ ...meeting, minutes_before: YEAR_MINUTES + 1 }, 'body.minutes_before too_big'],
  [{ ...meeting, title: '' }, 'body.title too_small'],
  [{ ...meeting, title: 'x'.repeat(256) }, 'body.title too_big'],
  [{ ...meeting, room: 7 }, 'body.room unknown_field'],
])('%j is refused: %s', async (body, fault) => {
  const answer = await remind(body);
  expect(answer.status).toBe(422);
  expect(answer.body.detail.map(inShort)).toEqual([fault]);
  expect(api.scheduled).toEqual([]);
});

describe('the same meeting again', () => {
  test.each<[string, object, string]>([
    ['later', { starts_at: '2026-11-20T17:00:00+01:00' }, '2026-11-20T15:45:00.000Z'],
    ['earlier', { starts_at: '2026-11-20T14:00:00+01:00' }, '2026-11-20T12:45:00.000Z'],
    ['so soon that it is sent now', { starts_at: '2026-11-20T13:01:00+01:00' }, '2026-11-20T12:00:00.000Z'],
    ['with another notice', { minutes_before: 30 }, '2026-11-20T13:30:00.000Z'],
    ['for somebody else', { email: 'bob@example.com' }, '2026-11-20T13:45:00.000Z'],
    ['by another name', { title: 'Review' }, '2026-11-20T13:45:00.000Z'],
    ['at that time elsewhere', { starts_at: '2026-11-20T14:00:00Z' }, '2026-11-20T13:45:00.000Z'],
  ])('%s replaces the reminder', async (_, changed, dueAt) => {
    await remind(meeting);
    const { status, body, headers } = await remind({ ...meeting, ...changed });
    expect([status, replayed({ headers })]).toEqual([202, null]);
    expect(body).toMatchObject({ id: idOf(2), due_at: dueAt });
    expect(body.msg).not.toContain('too late');
    expect(toBeSent()).toEqual([dueAt]);
    expect([await statusOf(1), await statusOf(2)]).toContain('cancelled');
  });

  test.each<[string, object]>([
    ['as it was', meeting],
    ['with the default spelled out', { ...meeting, minutes_before: 15 }],
    ['with its time written in another way', { ...meeting, starts_at: '2026-11-20T15:00:00.000+01:00' }],
  ])('%s is answered like the first time', async (_, again) => {
    const first = await remind(meeting);
    now += MINUTE_MS;
    const { status, body, headers } = await remind(again);
    expect([status, replayed({ headers }), body]).toEqual([202, 'true', first.body]);
    expect(api.scheduled).toHaveLength(1);
  });

  test.each(['handled', 'parked'] as const)(
    'sends nothing more when the reminder was %s, unless something is different',
    async (status) => {
      const first = await remind(meeting);
      await sent(status);
      const again = await remind(meeting);
      expect([again.status, replayed(again), again.body]).toEqual([202, 'true', first.body]);
      expect(api.scheduled).toHaveLength(1);

      const moved = await remind({ ...meeting, starts_at: '2026-11-20T17:00:00+01:00' });
      expect([moved.status, replayed(moved)]).toEqual([202, null]);
      expect(moved.body.due_at).toBe('2026-11-20T15:45:00.000Z');
      expect(moved.body.id).not.toBe(first.body.id);
      expect(api.scheduled).toHaveLength(2);
    },
  );

  test('sends nothing more either when it was sent at once, more than a day before', async () => {
    const early = { ...meeting, starts_at: '2026-11-24T12:00:00Z', minutes_before: 7 * 24 * 60 };
    const first = await remind(early);
    await sent();
    for (const hours of [0, 25, 72]) {
      now = NOW + hours * 60 * MINUTE_MS;
      const again = await remind(early);
      expect([replayed(again), again.body]).toEqual(['true', first.body]);
    }
    expect(api.scheduled).toHaveLength(1);
  });

  test('after it has started is refused', async () => {
    await remind(meeting);
    await sent();
    now = Date.parse(STARTS_AT);
    expect((await remind(meeting)).status).toBe(422);
  });

  test('moved and moved back is sent at its first time, once', async () => {
    await remind(meeting);
    await remind({ ...meeting, starts_at: '2026-11-20T17:00:00+01:00' });
    const back = await remind(meeting);
    expect([back.status, replayed(back)]).toEqual([202, null]);
    expect(back.body).toMatchObject({ id: idOf(3), due_at: '2026-11-20T13:45:00.000Z' });
    expect(toBeSent()).toEqual(['2026-11-20T13:45:00.000Z']);
    expect(replayed(await remind(meeting))).toBe('true');
  });

  test.each<[string, number]>([
    ['in a moment', 105 * MINUTE_MS - 999],
    ['already', 105 * MINUTE_MS + 10],
  ])('when the reminder is due %s, is sent as well, and the answer says so', async (_, laterMs) => {
    await remind(meeting);
    now += laterMs;
    const { status, body } = await remind({ ...meeting, starts_at: '2026-11-20T17:00:00+01:00' });
    expect(status).toBe(202);
    expect(body.msg).toBe(
      'mail to ann@example.com goes out 15 minutes before meeting M1; ' +
        'it was too late to stop the one before, which may go out as well',
    );
    expect(toBeSent()).toEqual(['2026-11-20T13:45:00.000Z', '2026-11-20T15:45:00.000Z']);
  });

  test('ten times at once is reminded of once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => remind(meeting)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1);
    expect(api.scheduled).toHaveLength(1);
  });

  test('at ten times at once is reminded of at one of them', async () => {
    const times = Array.from({ length: 10 }, (_, i) => `2026-11-21T0${i}:00:00Z`);
    const bodies = times.map((starts_at) => ({ ...meeting, starts_at }));
    let waiting = bodies;
    // Whoever is told to try again does so.
    while (waiting.length > 0) {
      const answers = await Promise.all(waiting.map(remind));
      expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);
      waiting = waiting.filter((_, i) => answers[i]?.status === 409);
    }
    expect(toBeSent()).toHaveLength(1);
  });
});

describe('the meeting is called off', () => {
  test('and no mail goes out, however often that is said', async () => {
    await remind(meeting);
    for (let i = 0; i < 2; i++) {
      const { status, body } = await callOff();
      expect([status, body]).toEqual([
        200,
        { msg: 'no mail goes out before meeting M1', id: idOf(1), status: 'cancelled' },
      ]);
    }
    expect(toBeSent()).toEqual([]);
  });

  test('after it was moved', async () => {
    await remind(meeting);
    await remind({ ...meeting, starts_at: '2026-11-20T17:00:00+01:00' });
    expect((await callOff()).body).toMatchObject({ id: idOf(2) });
    expect(toBeSent()).toEqual([]);
  });

  test('and takes place after all: at another time, or at the same', async () => {
    await remind(meeting);
    await callOff();
    const again = await remind(meeting);
    expect([again.status, replayed(again), again.body.id]).toEqual([202, null, idOf(2)]);
    await callOff();
    const moved = await remind({ ...meeting, starts_at: '2026-11-20T17:00:00+01:00' });
    expect([moved.status, replayed(moved), moved.body.id]).toEqual([202, null, idOf(3)]);
    expect(toBeSent()).toEqual(['2026-11-20T15:45:00.000Z']);
  });

  test.each(['M1', 'M 1', 'x'.repeat(129)])('but %s was never known', async (meetingId) => {
    const answer = await callOff(meetingId);
    expect(problemIn(answer)).toBe('404 unknown-message');
    expect(answer.body.detail).toMatch(/^There is no message "meeting:.*"\.$/);
  });

  test.each<[string, number, RegExp]>([
    ['in a moment', 105 * MINUTE_MS - 999, /is due at 2026-11-20T13:45:00\.000Z, in less than 1000 ms/],
    ['already', 105 * MINUTE_MS, /was due at 2026-11-20T13:45:00\.000Z/],
  ])('but the mail is due %s', async (_, laterMs, says) => {
    await remind(meeting);
    now += laterMs;
    const answer = await callOff();
    expect(problemIn(answer)).toBe('409 too-late');
    expect(answer.body.detail).toMatch(says);
  });

  test('but the mail was sent', async () => {
    await remind(meeting);
    await sent();
    expect((await callOff()).body.detail).toBe(`The message "${idOf(1)}" was handled.`);
  });
});

test('meetings whose ids differ by little, or have numbers, are different ones', async () => {
  const ids = ['M', 'm', 'M 1', 'M  1', 'M:1', 'M:1:1', '1', `${'x'.repeat(127)}y`, `${'x'.repeat(127)}z`];
  const answers = await Promise.all(ids.map((meeting_id) => remind({ ...meeting, meeting_id })));
  expect(answers.map(({ status, headers }) => [status, replayed({ headers })])).toEqual(
    ids.map(() => [202, null]),
  );
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(ids.length);
  expect((await callOff('M')).status).toBe(200);
  expect(toBeSent()).toHaveLength(ids.length - 1);
});

test('what has the same key or id by chance is left alone, whatever it is for', async () => {
  const order = { to: 'orders', payload: { order_id: 'A1' }, delay: '1h', key: 'meeting:M1' };
  await api.post('/v1/messages', { ...order, id: idOf(1) });
  await api.post('/v1/messages', { ...order, id: idOf(7) });
  await api.post('/v1/messages', { ...order, id: 'something-else' });
  expect(problemIn(await callOff())).toBe('404 unknown-message');
  expect((await remind(meeting)).body.id).toBe(idOf(2));
  expect((await remind({ ...meeting, title: 'Review' })).body.id).toBe(idOf(3));
  expect((await callOff()).status).toBe(200);
  expect(toBeSent()).toEqual(Array.from({ length: 3 }, () => '2026-11-20T13:00:00.000Z'));
});

test('what the ledger has forgotten is not numbered once more', async () => {
  await api.close();
  api = await startApi({ clock: () => now, limit: 1 });
  const first = await remind(meeting);
  await sent();
  await api.post('/welcome-email', { email: 'bob@example.com' });
  now += 7 * 24 * 60 * MINUTE_MS;
  const next = await remind({ ...meeting, starts_at: '2026-11-27T15:00:00+01:00' });
  expect([next.status, replayed(next)]).toEqual([202, null]);
  expect(next.body.id).not.toBe(first.body.id);
});

describe('after an unknown outcome', () => {
  const unknown = new OutcomeUnknownError('No confirm.');
  const moved = { ...meeting, starts_at: '2026-11-20T17:00:00+01:00' };

  test('the one before is sent, and once the same is asked for again, only that', async () => {
    await remind(meeting);
    failures = [unknown];
    expect(problemIn(await remind(moved))).toBe('503 outcome-unknown');
    expect(await statusOf(1)).toBe('scheduled');
    const again = await remind(moved);
    expect([again.status, again.body.id]).toEqual([202, idOf(2)]);
    expect(toBeSent()).toEqual(['2026-11-20T15:45:00.000Z']);
  });

  test('something else may be asked for', async () => {
    failures = [unknown];
    await remind(meeting);
    expect((await remind(moved)).status).toBe(202);
    expect(toBeSent()).toEqual(['2026-11-20T15:45:00.000Z']);
  });
});

describe('while the one before cannot be cancelled', () => {
  const moved = { ...meeting, starts_at: '2026-11-20T17:00:00+01:00' };
  let broken: boolean;
  beforeEach(async () => {
    await api.close();
    broken = false;
    api = await startApi({
      beforeWriting: (what) => {
        if (broken && 'kind' in what && what.kind === 'cancelled')
          throw new OutcomeUnknownError('No confirm.');
      },
    });
    await remind(meeting);
    broken = true;
    expect(problemIn(await remind(moved))).toBe('503 outcome-unknown');
    expect(toBeSent()).toEqual(['2026-11-20T13:45:00.000Z', '2026-11-20T15:45:00.000Z']);
  });

  test('who asks for the same again is told, and has it cancelled once that is possible', async () => {
    expect(problemIn(await remind(moved))).toBe('503 outcome-unknown');
    broken = false;
    const again = await remind(moved);
    expect([again.status, replayed(again), again.body.id]).toEqual([202, 'true', idOf(2)]);
    expect(toBeSent()).toEqual(['2026-11-20T15:45:00.000Z']);
  });

  test('neither can the meeting be called off, and then all of it is', async () => {
    expect(problemIn(await callOff())).toBe('503 outcome-unknown');
    broken = false;
    expect((await callOff()).body).toMatchObject({ id: idOf(2), status: 'cancelled' });
    expect(toBeSent()).toEqual([]);
  });

  test('what is asked for next has all cancelled that came before', async () => {
    broken = false;
    await remind({ ...meeting, starts_at: '2026-11-20T18:00:00+01:00' });
    expect(toBeSent()).toEqual(['2026-11-20T16:45:00.000Z']);
  });
});

test('without a ledger it is said that there has to be one', async () => {
  await api.close();
  api = await startApi({ ledgerOff: true });
  for (const answer of [await remind(meeting), await callOff()]) {
    expect(problemIn(answer)).toBe('501 ledger-off');
    expect(answer.body.detail).toMatch(/^A meeting reminder needs the ledger/);
  }
  expect((await remind({ ...meeting, email: 'ann' })).status).toBe(422);
  expect(api.scheduled).toEqual([]);
});

test('only keys for mails are good for it', async () => {
  await api.close();
  const [mails, orders] = [newApiKey('mails', ['emails']), newApiKey('orders', ['orders'])];
  api = await startApi({
    access: { keys: parseApiKeys(`${mails.entry},${orders.entry}`), publicPaths: [] },
  });
  const statusesWith = async ({ key }: { key: string }) => {
    const headers = { Authorization: `Bearer ${key}` };
    const accepted = await api.post('/meeting-reminder', meeting, headers);
    const cancelled = await api.request('/meeting-reminder/M1', { method: 'DELETE', headers });
    return [accepted.status, cancelled.status];
  };
  expect(await statusesWith(orders)).toEqual([403, 403]);
  expect(await statusesWith(mails)).toEqual([202, 200]);
});
