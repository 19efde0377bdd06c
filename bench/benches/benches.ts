import type { Bench } from '../bench';
import { accept } from './accept';
import { backlog } from './backlog';
import { batch } from './batch';
import { burst } from './burst';
import { lateness } from './lateness';
import { memory } from './memory';
import { retry } from './retry';
import { scaleOut } from './scale-out';
import { start } from './start';

/** All benchmarks, in the order in which they run. */
export const BENCHES: readonly Bench[] = [
  lateness,
  accept,
  batch,
  burst,
  backlog,
  scaleOut,
  retry,
  start,
  memory,
];
