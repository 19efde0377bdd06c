/** JSON as bytes: UTF-8 and nothing else, where a lenient decoder would put replacement characters. */

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON; a byte order mark before it does not matter.
 *
 * @param reviver see JSON.parse; what it throws is thrown
 * @throws TypeError for what is not UTF-8, SyntaxError for what is not JSON
 */
export function parseJson(content: Buffer, reviver?: (key: string, value: unknown) => unknown): unknown {
  return JSON.parse(utf8.decode(content), reviver);
}

/** Whether a value that was read can be written again: JSON nested some thousands deep can be read only. */
export function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}
