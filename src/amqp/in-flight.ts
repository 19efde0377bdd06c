/**
 * What was sent and is not confirmed yet: how much that is, and whether the broker keeps up. A message whose
 * confirm was given up waiting for still counts, until the broker answers or the channel is gone: it is what keeps
 * memory bounded when a broker takes messages and does not answer.
 */
import type { Clock } from '../clock';

/** Messages in flight at most, unless another number is given. */
export const MAX_IN_FLIGHT = 5_000;

/** A message that was sent. */
export interface Sent {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  readonly sentAt: number;
  /** Why the broker returned it; its confirm comes afterwards. */
  returned?: string;
}

/** Options of createInFlight. */
export interface InFlightOptions {
  /** Messages in flight at most. */
  readonly most: number;
  /** From when on a confirm is late, in milliseconds. */
  readonly lateAfterMs: number;
  /** Milliseconds on a clock that is never put back. */
  readonly clock: Clock;
}

/** The messages in flight on one channel. */
export interface InFlight {
  /** Notes a message that is about to be sent. */
  add(message: Omit<Sent, 'sentAt' | 'returned'>): Sent;
  /** The broker has answered for it, or never will because the channel is gone. */
  answered(sent: Sent): void;
  /** It was not sent after all. */
  forget(sent: Sent): void;
  /** The broker has returned this message as unroutable. */
  noteReturn(message: Omit<Sent, 'sentAt' | 'returned'>, reason: string): void;
  /** Why nothing more should be sent for now; undefined when nothing is against it. */
  trouble(): 'full' | 'late' | undefined;
  /** The message that has been in flight longest; undefined when there is none. */
  oldest(): Sent | undefined;
}

/** After so long without sending anything a late broker is tried again, in milliseconds. */
const TRY_AGAIN_MS = 5_000;

/** Nothing is in flight yet. */
export function createInFlight({ most, lateAfterMs, clock }: InFlightOptions): InFlight {
  const inFlight = new Set<Sent>();
  // A confirm that is overtaken by later ones says that its queue hangs, not that the broker does.
  const notOvertaken = new Set<Sent>();
  let lastSentAt = clock();

  return {
    add(message) {
      lastSentAt = clock();
      const sent = { ...message, sentAt: lastSentAt };
      inFlight.add(sent);
      notOvertaken.add(sent);
      return sent;
    },
    forget(sent) {
      inFlight.delete(sent);
      notOvertaken.delete(sent);
    },
    answered(sent) {
      inFlight.delete(sent);
      if (!notOvertaken.has(sent)) return;
      for (const earlier of notOvertaken) {
        notOvertaken.delete(earlier);
        if (earlier === sent) return;
      }
    },
    // Whether a message is routed depends on exchange and routing key alone, and returns keep the order of publishing.
    noteReturn({ exchange, routingKey, messageId }, reason) {
      for (const sent of inFlight) {
        if (
          sent.returned === undefined &&
          sent.messageId === messageId &&
          sent.exchange === exchange &&
          sent.routingKey === routingKey
        ) {
          sent.returned = reason;
          return;
        }
      }
    },
    trouble() {
      if (inFlight.size >= most) return 'full';
      const [oldest] = notOvertaken;
      if (!oldest || clock() - oldest.sentAt <= lateAfterMs) return undefined;
      return clock() - lastSentAt < TRY_AGAIN_MS ? 'late' : undefined;
    },
    oldest() {
      const [oldest] = inFlight;
      return oldest;
    },
  };
}
