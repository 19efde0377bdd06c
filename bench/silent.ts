import type { Logger } from '../src/logger';

/** Logs nothing: the peers log nothing either. What matters comes as an error anyway. */
export const SILENT = {
  error() {},
  warn() {},
  info() {},
  debug() {},
} as unknown as Logger;
