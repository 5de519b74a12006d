import type { Tracing } from '../../ports/tracing.ts'
import type { Servable } from './listen.ts'

/**
 * The app, with each request recorded in its caller's trace, or one of its own. Answers take the
 * way through the app then, never the short one.
 */
export function traceApp(app: Servable, tracing: Tracing | undefined): Servable {
  if (tracing === undefined) return app
  return {
    fetch(request, env) {
      const { pathname } = new URL(request.url)
      const parent = request.headers.get('traceparent') ?? undefined
      const attributes = { 'http.request.method': request.method, 'url.path': pathname }
      return tracing.span(
        `HTTP ${request.method}`,
        { kind: 'server', parent, attributes },
        async (span) => {
          const response = await app.fetch(request, env)
          span.set({ 'http.response.status_code': response.status })
          return response
        },
      )
    },
  }
}
