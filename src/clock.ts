/** The time of day, in milliseconds since the epoch; injected, so that tests can turn it. */
export type Clock = () => number;

/** The machine's own clock. */
export const systemClock: Clock = Date.now;

/** A time as it is written for others: RFC 3339, in UTC. */
export const isoTime = (time: number): string => new Date(time).toISOString();
