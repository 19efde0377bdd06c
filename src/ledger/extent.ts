/** How much of the stream lies behind which entry: by its size the stream is cut off, and RabbitMQ does not tell it. */

/** The extent of what has been read. */
export interface Extent {
  /** Takes the next entry into account; `bytes` is the size of its body. */
  note(offset: number, bytes: number): void;
  /** How much has been read in all, in bytes. */
  total(): number;
  /** The offset that has about so many bytes behind it; undefined while there are fewer in all. */
  offsetBehind(bytes: number): number | undefined;
}

/** What an entry takes beside its body, in bytes: headers and framing, rather too much than too little. */
const OVERHEAD_BYTES = 400;
/** Places are remembered after so many bytes each. */
const STEP_BYTES = 1_000_000;

/** Nothing has been read yet. */
export function createExtent(stepBytes = STEP_BYTES): Extent {
  const steps: { readonly offset: number; readonly before: number }[] = [];
  let total = 0;
  return {
    note(offset, bytes) {
      total += bytes + OVERHEAD_BYTES;
      if (total - (steps.at(-1)?.before ?? 0) >= stepBytes) steps.push({ offset, before: total });
    },
    total: () => total,
    offsetBehind(bytes) {
      const step = steps.findLast(({ before }) => total - before >= bytes);
      return step?.offset;
    },
  };
}
