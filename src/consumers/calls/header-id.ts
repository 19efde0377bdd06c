/** A message's id in the headers of a call. An id can be any text, a header's value cannot. */

/** An id as a header's value: what is not visible ASCII is percent-encoded, and so is the percent sign. */
export function headerId(id: string): string {
  return id.replace(/[^!-$&-~]/gu, encodeURIComponent);
}
