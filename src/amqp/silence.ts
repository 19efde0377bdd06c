/**
 * Noticing that a queue has messages and pushes none of them. After a network between its nodes was silent, RabbitMQ may have lost
 * acknowledgements, and believes that everything is still in hand here; or it no longer knows of the consumer. It says nothing then, and
 * it does not pass.
 */
import { LOOK_MS, MOST_LOOKS } from './answers';

/** Options of watchForSilence. */
export interface SilenceOptions {
  /** Between two looks, in milliseconds; default 10,000. */
  readonly lookMs?: number | undefined;
  /** Whether messages should come if there are any. */
  readonly expecting: () => boolean;
  /** How often something came. */
  readonly came: () => number;
  /** Asks how many messages there are to come. What was on its way before the answer has come by then. */
  readonly waiting: () => Promise<number>;
  /** There were messages each time, and none came; `messages` is how many there are. */
  readonly onSilence: (messages: number) => void;
  /** There is no answer for now. */
  readonly onError: (error: unknown) => void;
}

/** Looks now and then; it takes some looks in a row to be silence. Call what it returns to end it. */
export function watchForSilence(options: SilenceOptions): () => void {
  const { lookMs = LOOK_MS, expecting, came, waiting, onSilence, onError } = options;
  let before = came();
  let looks = 0;
  let asking = false;

  const isQuiet = () => expecting() && came() === before;

  async function look(): Promise<void> {
    const messages = isQuiet() ? await waiting() : 0;
    looks = messages > 0 && isQuiet() ? looks + 1 : 0;
    before = came();
    if (looks < MOST_LOOKS) return;
    looks = 0;
    onSilence(messages);
  }

  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    look()
      .catch((error) => {
        looks = 0;
        onError(error);
      })
      .finally(() => {
        asking = false;
      });
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
