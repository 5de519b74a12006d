import { MeridianError } from '@meridian/shared'
import { Command } from 'commander'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { plural, type Output } from '../output.ts'
import { paint } from '../paint.ts'

/** As many as the official API gives at once. */
const pageSize = 100

export function exportCommand(output: Output): Command {
  return addConnectionFlags(new Command('export'), 'registry')
    .description('write what a registry lists as JSON Lines, as the official API has it')
    .option('--to <file>', 'into this file instead of to standard output')
    .addHelpText(
      'after',
      `
Each line is a server version with its server.json and _meta; meridian import reads it.

Example:
  meridian export --to servers.jsonl`,
    )
    .action(async (flags: ConnectionFlags & { readonly to?: string }) => {
      const client = connectRegistry(flags)
      const write = writer(flags.to, output)
      let count = 0
      let cursor: string | undefined
      do {
        const { servers, metadata } = await client.officialServers({ limit: pageSize, cursor })
        for (const entry of servers) await write.line(JSON.stringify(entry))
        count += servers.length
        cursor = metadata.nextCursor
      } while (cursor !== undefined)
      await write.end()
      output.note(paint.dim(plural(count, 'server version')))
    })
}

/** Errors: `data_unwritable`. */
function writer(path: string | undefined, output: Output) {
  if (path === undefined) {
    return {
      line: (text: string) => {
        output.line(text)
        return Promise.resolve()
      },
      end: () => Promise.resolve(),
    }
  }
  const stream = createWriteStream(path)
  const done = finished(stream).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeridianError('data_unwritable', `${path} cannot be written: ${reason}`, { cause })
  })
  return {
    async line(text: string) {
      if (stream.write(`${text}\n`)) return
      await Promise.race([done, once(stream, 'drain')])
    },
    async end() {
      stream.end()
      await done
    },
  }
}
