/** How long each field is on average, over those that are not empty; exact, whatever was removed. */
export interface LengthSums {
  add(field: number, length: number): void
  subtract(field: number, length: number): void
  /** 1 when there is none. */
  average(field: number): number
}

export function createLengthSums(fields: number): LengthSums {
  const sums = new Float64Array(fields)
  const counts = new Float64Array(fields)
  function change(field: number, length: number, sign: 1 | -1): void {
    if (length === 0) return
    sums[field] = (sums[field] ?? 0) + sign * length
    counts[field] = (counts[field] ?? 0) + sign
  }
  return {
    add: (field, length) => change(field, length, 1),
    subtract: (field, length) => change(field, length, -1),
    average: (field) =>
      (counts[field] ?? 0) === 0 ? 1 : (sums[field] ?? 0) / (counts[field] ?? 1),
  }
}

/** A field's weight and discount such that `weight × count ÷ (base + slope × length)`. */
export interface Scaled {
  readonly weight: number
  readonly base: number
  readonly slope: number
}

/** One a field: `discounts` from 0, length does not matter, to 1, in proportion. */
export function scaledBy<const T extends readonly number[]>(
  fieldWeights: T,
  discounts: { readonly [K in keyof T]: number },
  lengths: LengthSums,
): { readonly [K in keyof T]: Scaled }
export function scaledBy(
  fieldWeights: readonly number[],
  discounts: readonly number[],
  lengths: LengthSums,
): readonly Scaled[] {
  return fieldWeights.map((weight, field) => {
    const discount = discounts[field] ?? 0
    return { weight, base: 1 - discount, slope: discount / lengths.average(field) }
  })
}
