/** Typed arrays that grow by half: the same numbers in a longer array when `length` asks for it. */
export function grownUint32(
  array: Uint32Array<ArrayBuffer>,
  length: number,
): Uint32Array<ArrayBuffer> {
  if (length <= array.length) return array
  const grown = new Uint32Array(capacityFor(array.length, length))
  grown.set(array)
  return grown
}

export function grownUint8(
  array: Uint8Array<ArrayBuffer>,
  length: number,
): Uint8Array<ArrayBuffer> {
  if (length <= array.length) return array
  const grown = new Uint8Array(capacityFor(array.length, length))
  grown.set(array)
  return grown
}

export function grownInt8(array: Int8Array<ArrayBuffer>, length: number): Int8Array<ArrayBuffer> {
  if (length <= array.length) return array
  const grown = new Int8Array(capacityFor(array.length, length))
  grown.set(array)
  return grown
}

export function grownFloat64(
  array: Float64Array<ArrayBuffer>,
  length: number,
): Float64Array<ArrayBuffer> {
  if (length <= array.length) return array
  const grown = new Float64Array(capacityFor(array.length, length))
  grown.set(array)
  return grown
}

function capacityFor(had: number, wanted: number): number {
  return Math.max(wanted, had + (had >>> 1), 64)
}
