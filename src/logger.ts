/** Logs are events with fields, one JSON line each; never a body, never a URL with its password. */
import winston from 'winston';

/** What this project asks of a logger; winston's own fits. */
export type Logger = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'>;

/** The levels that can be chosen, from the fewest lines to the most. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** `json` for machines, `pretty` for a person at a terminal. */
export const LOG_FORMATS = ['json', 'pretty'] as const;

/** Options of createLogger. */
export interface LoggerOptions {
  /** The least urgent level still written. */
  readonly level: (typeof LOG_LEVELS)[number];
  /** How a line looks. */
  readonly format: (typeof LOG_FORMATS)[number];
}

const { combine, json, printf, timestamp } = winston.format;

const pretty = printf(({ timestamp: at, level, message, ...fields }) => {
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${String(at).slice(11, 23)} ${level.padEnd(5)} ${String(message)}  ${shown.join(' ')}`.trimEnd();
});

/** A logger that writes to standard output. */
export function createLogger({ level, format }: LoggerOptions): winston.Logger {
  return winston.createLogger({
    level,
    format: combine(timestamp(), format === 'json' ? json() : pretty),
    transports: [new winston.transports.Console()],
  });
}
