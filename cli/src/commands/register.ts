import type { AgentClient } from '@meridian/client'
import { MeridianError, type RegisteredInstance } from '@meridian/shared'
import { systemClock } from '@meridian/shared/system'
import { Command, InvalidArgumentError, Option } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { importInstances, type ImportTally } from '../bulk-import.ts'
import { addConnectionFlags, connectAgent, type ConnectionFlags } from '../connection.ts'
import { exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flag-values.ts'
import { renderInstances } from '../instances.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import {
  checkFlag,
  keyValue,
  registrationOf,
  variable,
  type RegistrationFlags,
} from '../registration-flags.ts'

const waitSecondsMax = 60
const askEveryMs = 250
/** Lines of a file that are named when they are refused. */
const shownMax = 20
/** A bulk of servers that are all asked what they are takes so long at the most. */
const bulkTimeoutMs = 300_000
/** Beyond what the call waits for: the slowest introspection that an agent allows. */
const callTimeoutMs = 15_000

interface RegisterFlags extends ConnectionFlags, OutputFlags, RegistrationFlags {
  readonly file?: string
  readonly wait?: number | true
}

export function registerCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('register'), 'agent'))
    .description('register a server with the agent, or many from a file')
    .argument('[id]', 'a name for this instance')
    .argument('[endpoint...]', 'its URL; with --stdio the command, after --')
    .option('--stdio', 'have the agent run a command and serve it')
    .addOption(
      new Option('--transport <name>', 'of the URL; streamable-http unless given').choices([
        'streamable-http',
        'sse',
        'websocket',
      ]),
    )
    .option('--tag <tag...>', 'tags of the server')
    .addOption(
      new Option('--meta <key=value>', 'what differs by instance; repeatable').argParser(keyValue),
    )
    .addOption(
      new Option('--env <name[=value]>', 'for a command; a name alone: as here').argParser(
        variable,
      ),
    )
    .option('--cwd <folder>', 'for a command: where it runs')
    .addOption(
      new Option('--weight <number>', 'how much of the work, 0 to 1000').argParser(
        wholeNumber(0, 1_000),
      ),
    )
    .addOption(
      new Option('--capacity <calls>', 'calls it can serve at once').argParser(
        wholeNumber(1, 1_000_000),
      ),
    )
    .addOption(
      new Option(
        '--check <kind[,field=value]>',
        'mcp, http, tcp, ttl or none; repeatable',
      ).argParser(checkFlag),
    )
    .option('--registrant <name>', 'who registers; nobody else may then take the id')
    .option('--publish', 'vouch that its lists are the same for everybody')
    .option('--definition <file>', 'what it is, as JSON, for servers that cannot be asked')
    .addOption(
      new Option(
        '--wait [seconds]',
        'until it is well and the zone knows; 10 unless given',
      ).argParser(wholeNumber(1, waitSecondsMax)),
    )
    .addOption(
      new Option(
        '--file <file>',
        'register each line of it, a JSON object with an id; - reads input',
      ),
    )
    .addHelpText(
      'after',
      `
Exits with ${exitCodes.failed} when it was refused, is not well in time (--wait), or a line of
the file was refused.

Examples:
  meridian register flights-1 http://127.0.0.1:3000/mcp --meta env=prod --wait
  meridian register flights-1 http://127.0.0.1:3000/mcp --check tcp --check ttl,ttlMs=15000
  meridian register memory-1 --stdio --env API_KEY -- npx -y @modelcontextprotocol/server-memory
  meridian register --file instances.jsonl`,
    )
    .action(
      async (id: string | undefined, words: string[], flags: RegisterFlags, self: Command) => {
        if (flags.file !== undefined) {
          if (id !== undefined) self.error('error: give an id or --file, not both')
          await importFile(flags.file, flags, output)
          return
        }
        if (id === undefined) self.error('error: give an id and a URL, or --file')
        const waitMs =
          flags.wait === undefined ? 0 : (flags.wait === true ? 10 : flags.wait) * 1_000
        const client = connectAgent(flags, { timeoutMs: waitMs + callTimeoutMs })
        const registration = orUsage(self, () => registrationOf(words, flags))
        const until = systemClock.now() + waitMs
        const registered = await client.register(id, registration, waitMs > 0 ? { waitMs } : {})
        const instance = waitMs > 0 ? await well(client, registered, until) : registered
        printAs(output, flags.output, instance, () => renderInstances([instance], output.columns))
        if (waitMs > 0 && instance.status === 'critical') throw notWell(instance)
        if (instance.private) {
          output.note(
            paint.yellow(
              'its lists are private, so only this node sees it; --publish if they are not',
            ),
          )
        }
      },
    )
}

function orUsage<T>(command: Command, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof InvalidArgumentError) command.error(`error: ${error.message}`)
    throw error
  }
}

/** As it is once it is not critical any more, or when the time is over. */
async function well(
  client: AgentClient,
  registered: RegisteredInstance,
  until: number,
): Promise<RegisteredInstance> {
  let instance = registered
  while (instance.status === 'critical' && systemClock.now() < until) {
    await sleep(askEveryMs)
    instance = await client.instance(registered.id)
  }
  return instance
}

function notWell({ id, checks }: RegisteredInstance): MeridianError {
  const bad = checks.filter(({ status }) => status === 'critical')
  const why = bad.map(({ name, cause, reason }) => `${name}: ${cause}, ${reason}`).join('; ')
  return new MeridianError('deadline_exceeded', `${id} is registered but not well (${why})`)
}

async function importFile(path: string, flags: RegisterFlags, output: Output): Promise<void> {
  const client = connectAgent(flags, { timeoutMs: bulkTimeoutMs })
  const tally = await importInstances(client, path, (done) => {
    output.progress(`${plural(done, 'instance')} sent`)
  })
  output.progress('')
  const { created, replaced, unchanged, refused } = tally
  for (const { line, id, why } of refused.slice(0, shownMax)) {
    output.note(paint.yellow(printable(`line ${line}${id === '' ? '' : ` (${id})`}: ${why}`)))
  }
  if (refused.length > shownMax) {
    output.note(paint.yellow(`… and ${plural(refused.length - shownMax, 'more line')}`))
  }
  printAs(output, flags.output, tally satisfies ImportTally, () => [
    `${created} created, ${replaced} replaced, ${unchanged} unchanged, ${refused.length} refused`,
  ])
  if (refused.length > 0) process.exitCode = exitCodes.failed
}
