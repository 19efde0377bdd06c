import { lookForVersions, versionId, versionsOf } from '../../src/changes/versions';
import type { LedgerRecord } from '../../src/ledger/record';
import { createMemoryLedger } from '../memory-ledger';

test.each<[string, readonly string[], readonly number[]]>([
  ['nothing', [], []],
  ['numbers in order, whatever they look like', ['m:10', 'm:9', 'm:1'], [1, 9, 10]],
  ['no numbers', ['m', 'm:', 'm:x', 'm:1x', 'm:1:2', 'm:01', 'm:0', 'm:-1', 'm:1.5', 'm:1e3', 'm: 1'], []],
  ['other names', ['n:1', 'mm:1', 'M:1', '1', 'm1'], []],
  ['no number beyond what is exact', ['m:999999999999999', 'm:9999999999999999'], [999_999_999_999_999]],
])('of ids, versions are %s', (_, ids, numbers) => {
  const records = ids.map((id) => ({ id }) as LedgerRecord);
  expect(versionsOf('m', records).map(({ number }) => number)).toEqual(numbers);
});

const MINUTE_MS = 60_000;

describe('the next number', () => {
  let now: number;
  let memory: ReturnType<typeof createMemoryLedger>;
  beforeEach(() => {
    now = 1_000 * MINUTE_MS + 59_999;
    memory = createMemoryLedger({ clock: () => now });
  });

  const accept = (id: string, key: string | undefined, to = 'emails') =>
    memory.recorder.record({
      ...{ kind: 'accepted', id, to, delivery: id, attempt: 1, dueAt: now, at: now },
      ...(key !== undefined && { key }),
    });
  const look = async () => {
    const { versions, next } = await lookForVersions({
      ...{ ledger: memory.ledger, clock: () => now, name: 'm', to: 'emails' },
    });
    return { numbers: versions.map(({ number }) => number), next };
  };

  test('is the minute, so that it differs from all that was forgotten', async () => {
    expect(await look()).toEqual({ numbers: [], next: 1_000 });
    now++;
    expect(await look()).toEqual({ numbers: [], next: 1_001 });
  });

  test('is higher than all before, also where these are ahead of the clock', async () => {
    for (const number of [999, 1_000, 1_007]) await accept(versionId('m', number), 'm');
    expect(await look()).toEqual({ numbers: [999, 1_000, 1_007], next: 1_008 });
  });

  test('is none that somebody has taken for something else', async () => {
    await accept(versionId('m', 1_000), undefined);
    await accept(versionId('m', 1_001), 'm', 'orders');
    expect(await look()).toEqual({ numbers: [], next: 1_002 });
  });
});
