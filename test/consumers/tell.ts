import type { Outcome } from '../../src/consumers/outcome';

/** Has everybody told who is to be told before the message is acknowledged. */
export async function tellOf(outcome: Outcome): Promise<void> {
  if (outcome.kind === 'done') await outcome.tell?.();
}
