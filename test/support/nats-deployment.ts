import { nkeys } from 'nats'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { freePort } from './free-port.ts'
import { startNatsServer, type NatsServer } from './nats-server.ts'

/**
 * Servers on the files of deploy/nats, copied, renamed and extended the way docs/nats.md says, with
 * nkeys made for the occasion.
 */

const deployment = fileURLToPath(new URL('../../deploy/nats', import.meta.url))
const certificates = fileURLToPath(new URL('./tls', import.meta.url))
export const authorityFile = join(certificates, 'ca.pem')

export type Renames = readonly (readonly [from: string, to: string])[]

export interface NatsKey {
  readonly key: string
  readonly seed: string
}

/** An nkey for each name, made when it is asked for. */
export class NatsKeys {
  readonly #keys = new Map<string, NatsKey>()

  of(name: string): NatsKey {
    const known = this.#keys.get(name) ?? createKey()
    this.#keys.set(name, known)
    return known
  }
}

/** The files with one of them as `server.conf`, on their way to a place. */
export class NatsFiles {
  readonly #texts: Map<string, string>

  private constructor(texts: Map<string, string>) {
    this.#texts = texts
  }

  static async read(server: string): Promise<NatsFiles> {
    const texts = new Map<string, string>()
    for (const entry of await readdir(deployment, { recursive: true })) {
      if (entry.endsWith('.conf')) texts.set(entry, await readFile(join(deployment, entry), 'utf8'))
    }
    // Its includes are found from the root of the folder, wherever the original stands.
    texts.set('server.conf', textOf(texts, server).replaceAll('"../', '"'))
    return new NatsFiles(texts)
  }

  rename(renames: Renames): void {
    for (const [name, text] of this.#texts) this.#texts.set(name, renamed(text, renames))
  }

  /** Another user of a role: a copy of the role's file, and of each line that names it. */
  addRole(role: string, renames: Renames): void {
    const file = `roles/${role}.conf`
    const copy = `roles/${renames.map(([, to]) => to.replaceAll('.', '-')).join('-')}.conf`
    this.#texts.set(copy, renamed(textOf(this.#texts, file), renames))
    const lines = textOf(this.#texts, 'server.conf')
      .split('\n')
      .flatMap((line) => {
        if (line.includes(`"${file}"`)) return [line, line.replace(file, copy)]
        const names = renames.some(([from]) => line.includes(`nkey: $${from},`))
        return names ? [line, renamed(line, renames)] : [line]
      })
    this.#texts.set('server.conf', lines.join('\n'))
  }

  async write(folder: string, tls: boolean): Promise<void> {
    for (const [name, text] of this.#texts) {
      const file = join(folder, name)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, withWitness(tls ? text.replaceAll('#tls ', '') : text))
    }
  }
}

export interface DeployedServer extends NatsServer {
  /** How many leaf links from below it has just now. */
  linksFromBelow(): Promise<number>
}

/** Starts a server on the files; what its environment lacks, beside keys and addresses, is added. */
export async function startDeployed(
  files: NatsFiles,
  env: Readonly<Record<string, string>>,
  { tls = false } = {},
): Promise<DeployedServer> {
  const folder = await mkdtemp(join(tmpdir(), 'meridian-deploy-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const monitor = await freePort()
  try {
    await files.write(folder, tls)
    const server = await startNatsServer(`include "../${basename(folder)}/server.conf"`, {
      env: {
        NATS_HTTP: `127.0.0.1:${monitor}`,
        TLS_CERT: join(certificates, 'server.pem'),
        TLS_KEY: join(certificates, 'server.key'),
        TLS_CA: authorityFile,
        ...env,
      },
    })
    return {
      ...server,
      async linksFromBelow() {
        const response = await fetch(`http://127.0.0.1:${monitor}/leafz`)
        const { leafs } = leafzSchema.parse(await response.json())
        return (leafs ?? []).filter((leaf) => leaf.is_spoke !== true).length
      },
      async stop() {
        await server.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What a server's monitor says of its leaf links; of those that it made itself, `is_spoke`. */
const leafzSchema = z.object({
  leafs: z.array(z.object({ is_spoke: z.boolean().optional() })).nullish(),
})

/** A user who may do everything, to see what passes. */
function withWitness(text: string): string {
  return text.replace(/(MERIDIAN \{\s*users: \[)/, '$1\n      { nkey: $WITNESS }')
}

function renamed(text: string, renames: Renames): string {
  let result = text
  for (const [from, to] of renames) result = result.replaceAll(from, to)
  return result
}

function textOf(texts: ReadonlyMap<string, string>, name: string): string {
  const text = texts.get(name)
  if (text === undefined) throw new Error(`deploy/nats has no ${name}`)
  return text
}

function createKey(): NatsKey {
  const user = nkeys.createUser()
  return { key: user.getPublicKey(), seed: new TextDecoder().decode(user.getSeed()) }
}
