/**
 * The same bytes, not copied, as what the ports promise: a `Buffer` is a `Uint8Array` with habits
 * of its own (`slice` shares, `toJSON` exists, deep equality tells the two apart).
 */
export function plainBytes(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
