import { browseLimits, type ServerSummary } from '@meridian/shared'
import { Command, Option } from 'commander'
import { addConnectionFlags, connectRegistry, type ConnectionFlags } from '../connection.ts'
import { wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

interface ServersFlags extends ConnectionFlags, OutputFlags {
  readonly text?: string
  readonly sort: 'name' | 'updated' | 'instances'
  readonly limit: number
  readonly all?: boolean
}

export function serversCommand(output: Output): Command {
  return addOutputFlag(addConnectionFlags(new Command('servers'), 'registry'))
    .description('list the servers that a registry knows')
    .argument('[query...]', "in the query language, such as 'tag:travel tool:search_*'")
    .option('--text <words>', 'that hold these words in name, title or description')
    .addOption(
      new Option('--sort <by>', 'what comes first')
        .choices(['name', 'updated', 'instances'])
        .default('name'),
    )
    .addOption(
      new Option('--limit <count>', 'at most so many')
        .argParser(wholeNumber(1, browseLimits.limitMax))
        .default(browseLimits.limitDefault),
    )
    .option('--all', 'all of them, page by page')
    .addHelpText(
      'after',
      `
Examples:
  meridian servers --sort instances --limit 10
  meridian servers tag:travel --text flights -o json`,
    )
    .action(async (words: string[], flags: ServersFlags) => {
      const client = connectRegistry(flags)
      const servers: ServerSummary[] = []
      let total: number
      let cursor: string | undefined
      do {
        const page = await client.servers({
          query: words.join(' '),
          text: flags.text,
          sort: flags.sort,
          limit: flags.all === true ? browseLimits.limitMax : flags.limit,
          ...(cursor !== undefined && { cursor }),
        })
        servers.push(...page.servers)
        total = page.total
        cursor = page.nextCursor
      } while (flags.all === true && cursor !== undefined)
      printAs(output, flags.output, servers, () => renderServers(servers, output.columns))
      const more = cursor === undefined ? '' : ' (--limit, --all)'
      output.note(paint.dim(`${servers.length} of ${plural(total, 'server')}${more}`))
    })
}

function renderServers(servers: readonly ServerSummary[], width: number | undefined): string[] {
  if (servers.length === 0) return []
  return renderTable(
    [
      'server',
      'version',
      { title: 'tools', align: 'right' },
      { title: 'passing', align: 'right' },
      { title: 'others', align: 'right' },
      'zones',
    ],
    servers.map(({ name, versions, tools, instances, zones }) => [
      name,
      versions[0] ?? '',
      String(tools),
      String(instances.passing),
      String(instances.warning + instances.gated + instances.critical),
      zones.join(', '),
    ]),
    { width, foldAt: 5 },
  )
}
