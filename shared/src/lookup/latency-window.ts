/** Answers remembered: enough that the 95th percentile rests on six of them. */
const samplesMax = 128
/** Fewer say nothing of a tail. */
const samplesMin = 16
/** The percentile is worked out anew after so many. */
const samplesBetween = 8

/** The latest answer times of somebody who is asked again and again. */
export class LatencyWindow {
  readonly #samples = new Float64Array(samplesMax)
  #count = 0
  #p95: number | undefined

  add(latencyMs: number): void {
    this.#samples[this.#count % samplesMax] = latencyMs
    this.#count += 1
    if (this.#count >= samplesMin && this.#count % samplesBetween === 0) this.#work()
  }

  /** Milliseconds; undefined until enough was seen. */
  get p95(): number | undefined {
    return this.#p95
  }

  #work(): void {
    const sorted = this.#samples.slice(0, Math.min(this.#count, samplesMax)).sort()
    this.#p95 = sorted[Math.floor(sorted.length * 0.95)]
  }
}
