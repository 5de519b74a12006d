import type { EdgeApp } from '@meridian/shared/http'
import type { Context } from 'hono'
import type { ConsoleFile, ConsoleFiles } from '../console/files.ts'

/**
 * Pages of the console: each is the same document, which reads the address itself, so that a link
 * to any of them can be opened, kept and passed on.
 */
const pagePaths = [
  '/',
  '/search',
  '/servers/*',
  '/explain',
  '/events',
  '/nodes',
  '/quarantine',
] as const

/** Nothing but its own files and its own API; no script or style that stands in the document. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Whether a path is the console's: its files say nothing of what is registered here. */
export function isConsolePath(path: string): boolean {
  return (
    path.startsWith('/console/') ||
    pagePaths.some((page) =>
      page.endsWith('/*') ? path.startsWith(page.slice(0, -1)) : path === page,
    )
  )
}

/** The console at `/`; where it was not built, a page that says how. */
export function serveConsole(app: EdgeApp, files: ConsoleFiles): void {
  const index = files.get('index.html')
  for (const path of pagePaths) {
    app.get(path, (c) => (index ? sendFile(c, index) : c.html(notBuilt, 404)))
  }
  for (const [path, file] of files) {
    if (path !== 'index.html') app.get(`/console/${path}`, (c) => sendFile(c, file))
  }
}

function sendFile(c: Context, file: ConsoleFile): Response {
  const headers = {
    'content-type': file.type,
    etag: file.etag,
    vary: 'accept-encoding',
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': contentSecurityPolicy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  }
  if (c.req.header('if-none-match')?.includes(file.etag) === true) return c.body(null, 304, headers)
  const accepted = c.req.header('accept-encoding') ?? ''
  const encoded =
    file.brotli && /\bbr\b/.test(accepted)
      ? (['br', file.brotli] as const)
      : file.gzip && /\bgzip\b/.test(accepted)
        ? (['gzip', file.gzip] as const)
        : undefined
  const bytes = encoded?.[1] ?? file.plain
  return c.body(bytes, 200, {
    ...headers,
    'content-length': String(bytes.length),
    ...(encoded && { 'content-encoding': encoded[0] }),
  })
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Meridian</title>
<p>The console was not built: <code>npm run build</code> does it, and <code>npm start</code> does it
by itself. The API answers: <a href="/docs">its reference</a>.</p></html>`
