import { createEdge } from '@meridian/shared/http'
import { createLog } from '@meridian/shared/log'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConsoleFiles } from '../console/files.ts'
import { isConsolePath, serveConsole } from './console.ts'

const script = `console.log(${JSON.stringify('x'.repeat(4_000))})`

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meridian-console-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function build(): void {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Meridian</title>')
  writeFileSync(join(folder, 'assets', 'index-3f9c.js'), script)
  writeFileSync(join(folder, '.built-from'), 'not for anybody')
}

function createApp() {
  const app = createEdge({ log: createLog({ name: 'test', level: 'silent' }) })
  serveConsole(app, readConsoleFiles(folder))
  return app
}

describe('the console', () => {
  it.each([
    '/',
    '/search?q=x',
    '/servers/io.acme/flights',
    '/explain',
    '/events',
    '/nodes',
    '/quarantine',
  ])('is the same document at %s, which is asked for anew each time', async (path) => {
    build()
    const response = await createApp().request(path)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('<title>Meridian</title>')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toContain('unsafe')
  })

  it('lets what has its hash in its name be kept for good, and compresses it once', async () => {
    build()
    const app = createApp()
    const path = '/console/assets/index-3f9c.js'
    const plain = await app.request(path)
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(await plain.text()).toBe(script)
    const gzip = await app.request(path, { headers: { 'accept-encoding': 'gzip' } })
    expect(gzip.headers.get('content-encoding')).toBe('gzip')
    expect(gunzipSync(await gzip.arrayBuffer()).toString()).toBe(script)
    const brotli = await app.request(path, { headers: { 'accept-encoding': 'gzip, br' } })
    expect(brotli.headers.get('content-encoding')).toBe('br')
  })

  it('answers 304 to who has it', async () => {
    build()
    const app = createApp()
    const etag = (await app.request('/')).headers.get('etag') ?? ''
    const again = await app.request('/', { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
  })

  it('has nothing beside its own files', async () => {
    build()
    const app = createApp()
    for (const path of ['/console/.built-from', '/console/../package.json', '/console/', '/else']) {
      const { status } = await app.request(path)
      expect({ path, status }).toEqual({ path, status: 404 })
    }
  })

  it('says how to build it where it was not built', async () => {
    const response = await createApp().request('/')
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('npm run build')
  })

  it('asks nobody for a token before it can ask for one', () => {
    expect(isConsolePath('/')).toBe(true)
    expect(isConsolePath('/servers/io.acme/x')).toBe(true)
    expect(isConsolePath('/console/assets/x.js')).toBe(true)
    expect(isConsolePath('/v1/servers')).toBe(false)
    expect(isConsolePath('/nodes/x')).toBe(false)
  })
})
