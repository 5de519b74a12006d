import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Data } from './data.ts'
import type { Engine } from './engine.ts'
import { startPostgres } from './engines/postgres.ts'
import { startRedis } from './engines/redis.ts'

/** A database server, which is measured where the machine has it. */
export interface DatabaseKind {
  readonly name: string
  /** Why it is not measured here. */
  readonly missing: string | undefined
  /** Builds an engine for each layout. */
  start(data: Data): Promise<Engine[]>
}

export function databases(): DatabaseKind[] {
  const initdb = findProgram('initdb', process.env['POSTGRES_BIN_DIR'])
  const redis = process.env['REDIS_SERVER_BIN'] ?? findProgram('redis-server', undefined)
  // Whose CPU time is not known cannot be compared.
  const elsewhere = existsSync('/proc/self/schedstat') ? undefined : 'it takes Linux to see its CPU'
  return [
    {
      name: 'PostgreSQL',
      missing: elsewhere ?? (initdb === undefined ? 'no initdb in PATH' : undefined),
      start: (data) => startPostgres(data, initdb as string),
    },
    {
      name: 'Redis',
      missing: elsewhere ?? (redis === undefined ? 'no redis-server in PATH' : undefined),
      start: async (data) => [await startRedis(data, redis as string)],
    },
  ]
}

function findProgram(name: string, folder: string | undefined): string | undefined {
  const folders = folder === undefined ? (process.env['PATH'] ?? '').split(delimiter) : [folder]
  return folders.map((one) => join(one, name)).find((path) => existsSync(path))
}
