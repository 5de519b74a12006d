import {
  createCapabilityIndex,
  lookupHitsMax,
  parseQuery,
  ownerId,
  type CapabilityIndex,
  type Explanation,
  type PlanStep,
} from '@meridian/shared'
import { systemRandom } from '@meridian/shared/system'
import { Command, Option } from 'commander'
import { exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flag-values.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, renderTable, type Output } from '../output.ts'
import { paint } from '../paint.ts'
import { readServersFile } from '../servers-file/read.ts'

interface QueryFlags extends OutputFlags {
  readonly file: string
  readonly limit: number
  readonly explain?: boolean
}

const columns = [
  { title: 'server' },
  { title: 'version' },
  { title: 'tools', align: 'right' },
] as const

/** The index takes instances; a file has none, so each server stands for one in this place. */
const place = { region: 'file', zone: 'file', node: 'file' } as const
const owner = ownerId({ ...place, id: 'file' })

export function queryCommand(output: Output): Command {
  return addOutputFlag(new Command('query'))
    .description('try the query language on a file of servers, without any registry')
    .argument('[query...]', "such as 'tool:search_* tag:travel'")
    .requiredOption('--file <path>', 'JSON Lines, one MCP server a line')
    .addOption(
      new Option('--limit <count>', 'at most so many servers')
        .argParser(wholeNumber(1, lookupHitsMax))
        .default(10),
    )
    .option('--explain', 'print how the answer was found')
    .addHelpText(
      'after',
      `
Example:
  meridian query --file servers.jsonl 'tool:query_* | tool:execute_sql' --explain`,
    )
    .action(async (words: string[], flags: QueryFlags) => {
      const { index, names } = await indexFile(flags.file, output)
      const query = parseQuery(words.join(' '))
      const explanation = index.explain(query, {
        from: place,
        limit: flags.limit,
        random: systemRandom,
        order: 'ranked',
      })
      const { instances } = index.count(query)
      const servers = explanation.hits.map(({ instance }) => names.get(instance.spec.definition))
      const { plan, rowsTouched, rowsTotal, zones } = explanation
      const how = { query: explanation.query, plan, rowsTouched, rowsTotal, zones }
      const answer = { matches: instances, servers, ...(flags.explain && how) }
      printAs(output, flags.output, answer, () => [
        ...renderTable(
          columns,
          servers.map((row) => row ?? []),
          { width: output.columns },
        ),
        ...(flags.explain ? renderExplanation(explanation) : []),
      ])
      output.note(paint.dim(`${plural(instances, 'match', 'matches')}, ${servers.length} shown`))
      process.exitCode = servers.length > 0 ? exitCodes.ok : exitCodes.notFound
    })
}

async function indexFile(
  path: string,
  output: Output,
): Promise<{ index: CapabilityIndex; names: Map<string, [string, string, string]> }> {
  const index = createCapabilityIndex()
  const names = new Map<string, [string, string, string]>()
  let refused = 0
  for await (const entry of readServersFile(path)) {
    if (entry.kind === 'refused') {
      refused += 1
      output.note(paint.yellow(`line ${entry.line} left out: ${entry.reason}`))
      continue
    }
    const { id, definition, endpoint } = entry.server
    const instance = `line-${entry.line}`
    index.put(
      {
        owner,
        locality: place,
        spec: {
          id: instance,
          definition: id,
          endpoint: endpoint ?? { transport: 'streamable-http', url: '' },
          metadata: {},
          capacity: 1,
        },
        state: { id: instance, status: 'passing', weight: 1, draining: false },
      },
      definition,
    )
    const tools = String(definition.capabilities.tools.length)
    names.set(id, [definition.name, definition.version, tools])
  }
  output.note(paint.dim(`${plural(index.size.instances, 'server')} read, ${refused} left out`))
  return { index, names }
}

function renderExplanation({ query, plan, rowsTouched, rowsTotal, zones }: Explanation): string[] {
  return [
    '',
    `${paint.bold('query')}  ${query}`,
    ...renderStep(plan, ''),
    `${paint.bold('rows')}   ${rowsTouched} of ${rowsTotal} touched; ${zones
      .map(({ region, zone, ended }) => `${region}/${zone} ${ended}`)
      .join(', ')}`,
  ]
}

function renderStep({ how, what, rows, steps }: PlanStep, indent: string): string[] {
  return [
    `${indent}${paint.cyan(how)} ${what} ${paint.dim(`≤ ${plural(rows, 'row')}`)}`,
    ...steps.flatMap((step) => renderStep(step, `${indent}  `)),
  ]
}
