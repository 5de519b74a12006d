/** What was made of texts, for those texts of up to `textMax` characters in all that were used last. */
export class RecentTexts<T> {
  readonly #textMax: number
  /** The longest unused first. */
  readonly #values = new Map<string, T>()
  readonly #onForgotten: ((value: T) => void) | undefined
  #text = 0

  constructor(textMax: number, onForgotten?: (value: T) => void) {
    this.#textMax = textMax
    this.#onForgotten = onForgotten
  }

  get(text: string): T | undefined {
    const value = this.#values.get(text)
    if (value === undefined) return undefined
    this.#values.delete(text)
    this.#values.set(text, value)
    return value
  }

  set(text: string, value: T): void {
    if (!this.#values.delete(text)) this.#text += text.length
    this.#values.set(text, value)
    for (const [oldest, forgotten] of this.#values) {
      if (this.#text <= this.#textMax) break
      this.#values.delete(oldest)
      this.#text -= oldest.length
      this.#onForgotten?.(forgotten)
    }
  }
}
