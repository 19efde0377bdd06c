import { createCollection, takeTurns } from '../../bench/turns';

test('everybody has a turn in each round, one after the other', async () => {
  const turns: string[] = [];
  const collection = createCollection();
  const contestants = [{ name: 'ours' }, { name: 'theirs' }];
  await takeTurns(
    { contestants, rounds: 2, asked: '200/s', collection, say: () => {} },
    async ({ name }, round) => {
      turns.push(`${name} ${round}`);
      return { figures: { 'p50 ms': round }, samples: [round, 10 * round] };
    },
  );
  expect(turns).toEqual(['ours 1', 'theirs 1', 'ours 2', 'theirs 2']);
  expect(collection.median('ours', '200/s', 'p50 ms')).toBe(1.5);
  expect(collection.median('nobody', '200/s', 'p50 ms')).toBeNaN();
  const [ours, theirs] = collection.series();
  expect(ours).toMatchObject({ name: 'ours', case: '200/s', figures: { 'p50 ms': [1, 2] } });
  expect(ours?.distribution?.values.at(-1)).toBe(20);
  expect(theirs?.name).toBe('theirs');
});
