/** @file Inflating by the platform's own DecompressionStream, so that the runtime needs no library for it. */

/** @throws Error where the bytes are damaged or inflate to more than `limit` bytes. */
export async function inflate(
  bytes: Uint8Array,
  format: "deflate-raw" | "gzip",
  limit = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const reader = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw new Error(`its compressed data are damaged (${error instanceof Error ? error.message : String(error)})`);
    });
    if (done) break;
    chunks.push(value);
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new Error(`its compressed data are longer than the ${limit} bytes that it says`);
    }
  }
  const inflated = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    inflated.set(chunk, at);
    at += chunk.length;
  }
  return inflated;
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What a gzip file of one member holds. @throws Error where it is damaged or cut off. */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  const inflated = await inflate(bytes, "gzip");
  const stated = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  if (inflated.length % 2 ** 32 === stated) return inflated;
  throw new Error(`its compressed data are ${inflated.length} bytes and should be ${stated}`);
}
