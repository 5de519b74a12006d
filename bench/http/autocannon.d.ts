/** What is used of it; it brings no types of its own. */
declare module 'autocannon' {
  interface Options {
    readonly url: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    readonly socketPath?: string
    readonly requests: readonly {
      readonly path: string
      readonly method?: string
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }[]
  }
  interface Result {
    readonly errors: number
    readonly non2xx: number
    readonly requests: { readonly average: number; readonly total: number }
    readonly latency: { readonly p50: number; readonly p99: number }
  }
  export default function autocannon(options: Options): Promise<Result>
}
