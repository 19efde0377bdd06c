/** The paths that need no key. */

/** Whoever restarts processes or directs traffic asks for these, and has no key. */
export const HEALTH_PATHS: readonly string[] = ['/livez', '/readyz'];

/** Stands for no path at all, since an empty variable counts as not set. */
const NONE = 'none';

/**
 * Reads paths separated by commas, or `none`.
 *
 * @throws RangeError naming the place of the first that is no path
 */
export function parsePublicPaths(text: string): readonly string[] {
  if (text.trim() === NONE) return [];
  return text.split(',').map((entry, index) => {
    const path = entry.trim();
    if (/^\/[\w./-]*$/.test(path)) return path;
    throw new RangeError(`entry ${index + 1} is no path such as /livez`);
  });
}
