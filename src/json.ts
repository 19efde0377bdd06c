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
