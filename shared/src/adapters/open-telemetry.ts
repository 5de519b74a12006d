import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { SpanOptions, TraceSpan, Tracing } from '../ports/tracing.ts'
import type { TracedProgram, TracingSettings } from './tracing.ts'

/** Every number that recording is held to. */
const tracingLimits = {
  /** Spans that wait to be sent; beyond these they are dropped. */
  spansMax: 4_096,
  spansPerRequestMax: 512,
  sendEveryMs: 2_000,
  sendTimeoutMs: 5_000,
  /** Of a failure to send: a collector that is gone is told of once a minute. */
  tellEveryMs: 60_000,
  attributeLengthMax: 512,
} as const

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const

/**
 * Traces of one program, by OpenTelemetry's own packages. Nothing of it is registered globally, so
 * that several programs fit in one process.
 */
export class OpenTelemetryTracing implements Tracing {
  readonly #provider: TracerProvider
  readonly #tracer: Tracer
  readonly #contexts = new AsyncLocalStorage<Context>()
  #closing: Promise<void> | undefined

  constructor({ url, ratio }: TracingSettings, program: TracedProgram) {
    const { service, instance, version, log } = program
    const { spansMax, spansPerRequestMax, sendEveryMs, sendTimeoutMs } = tracingLimits
    let toldAt = Number.NEGATIVE_INFINITY
    // The packages know one handler a process, of failed sending above all.
    setGlobalErrorHandler((error) => {
      const now = performance.now()
      if (now - toldAt < tracingLimits.tellEveryMs) return
      toldAt = now
      log.warn({ err: error }, 'traces not sent')
    })
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': service,
        'service.version': version,
        'service.instance.id': instance,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      spanLimits: { attributeValueLengthLimit: tracingLimits.attributeLengthMax },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new OTLPTraceExporter({ url, timeoutMillis: sendTimeoutMs }),
          maxQueueSize: spansMax,
          maxExportBatchSize: spansPerRequestMax,
          scheduledDelayMillis: sendEveryMs,
          exportTimeoutMillis: sendTimeoutMs,
        }),
      ],
    })
    this.#tracer = this.#provider.getTracer('meridian', version)
  }

  span<T>(name: string, options: SpanOptions, run: (span: TraceSpan) => T): T {
    const { kind, parent, attributes } = options
    const below = contextOf(parent) ?? this.#contexts.getStore() ?? ROOT_CONTEXT
    const span = this.#tracer.startSpan(
      name,
      { kind: kinds[kind], ...(attributes && { attributes }) },
      below,
    )
    const traced: TraceSpan = {
      set: (more) => {
        span.setAttributes(more)
      },
    }
    try {
      const result = this.#contexts.run(trace.setSpan(below, span), () => run(traced))
      if (result instanceof Promise) endWith(span, result)
      else span.end()
      return result
    } catch (error) {
      fail(span, error)
      throw error
    }
  }

  current(): string | undefined {
    const context = this.#contexts.getStore()
    const span = context && trace.getSpanContext(context)
    if (!span) return undefined
    return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`
  }

  close(): Promise<void> {
    this.#closing ??= this.#provider.shutdown()
    return this.#closing
  }
}

function contextOf(traceparent: string | undefined): Context | undefined {
  const parsed = traceparent === undefined ? null : parseTraceParent(traceparent)
  return parsed === null
    ? undefined
    : trace.setSpanContext(ROOT_CONTEXT, { ...parsed, isRemote: true })
}

/** The caller waits for the promise itself; what it rejects with is the caller's. */
function endWith(span: Span, result: Promise<unknown>): void {
  result.then(
    () => {
      span.end()
    },
    (error: unknown) => {
      fail(span, error)
    },
  )
}

function fail(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  if (error instanceof Error) span.setAttribute('error.type', error.name)
  span.end()
}
