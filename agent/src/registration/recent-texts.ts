/** What was made of texts, for those texts of up to `textMax` characters in all that were used last. */
export class RecentTexts<T> {
  readonly #textMax: number
  /** The longest unused first. */
  readonly #values = new Map<string, T>()
  #text = 0

  constructor(textMax: number) {
    this.#textMax = textMax
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
    for (const oldest of this.#values.keys()) {
      if (this.#text <= this.#textMax) break
      this.#values.delete(oldest)
      this.#text -= oldest.length
    }
  }
}
