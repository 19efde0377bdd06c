/** The time of day, in milliseconds since the epoch; injected, so that tests can turn it. */
export type Clock = () => number;

/** The machine's own clock. */
export const systemClock: Clock = Date.now;
