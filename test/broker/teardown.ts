import { rmSync } from 'node:fs';
import type { startTestNode } from './node';

/** After all tests: the node goes, with its data. */
export default async function teardown(): Promise<void> {
  const { testNode } = globalThis as { testNode?: Awaited<ReturnType<typeof startTestNode>> };
  if (!testNode) return;
  await testNode.stop();
  rmSync(testNode.dataDir, { recursive: true, force: true });
}
