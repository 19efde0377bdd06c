import { join } from 'node:path';

/** The project's folder, seen from dist/bench/bench. */
export const ROOT = join(__dirname, '..', '..', '..');

/** Where results go. */
export const RESULTS = join(ROOT, 'bench', 'results');

/** The document that quotes them. */
export const DOCUMENT = join(ROOT, 'docs', 'performance.md');

/** What the peer is installed in. */
export const PEER = join(ROOT, 'bench', 'peer');

/** A compiled program of bench/programs. */
export const programFile = (name: string): string => join(__dirname, 'programs', `${name}.js`);
