/**
 * Where a lookup's way is recorded, from program to program. Who has none records nothing, and
 * nothing of it stands in any way.
 */
export interface Tracing {
  /**
   * Runs in a span below `parent`, else below the present one; without either a trace begins here.
   * The span ends with what `run` returns, a promise's end included, and is marked as failed by what
   * it throws.
   */
  span<T>(name: string, options: SpanOptions, run: (span: TraceSpan) => T): T
  /** The present span for whoever is asked, as a W3C `traceparent`; undefined outside of any. */
  current(): string | undefined
  /** Sends what is recorded. Twice is fine. */
  close(): Promise<void>
}

export interface SpanOptions {
  /** `server`: somebody else asked; `client`: somebody else is asked. */
  readonly kind: 'server' | 'client' | 'internal'
  /** A W3C `traceparent` of whoever asked; one that cannot be read counts as none. */
  readonly parent?: string | undefined
  readonly attributes?: SpanAttributes
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

export interface TraceSpan {
  set(attributes: SpanAttributes): void
}
