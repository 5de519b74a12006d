import { startProgramTree, type ProgramTree } from '../support/program-tree.ts'
import type { Fault } from './fault.ts'
import { registerAnchors } from './load.ts'
import { matrix } from './matrix.ts'
import { isGood, tryFault, type FaultResult } from './try-fault.ts'

/**
 * `npm run test:faults [-- words]`: tries every fault whose name has one of the words, or all, on
 * real processes, and prints what each gave. Ends with 1 when one lost something.
 */

const words = process.argv.slice(2)
const chosen = matrix
  .map(({ plan, faults }) => ({ plan, faults: faults.filter(isChosen) }))
  .filter(({ faults }) => faults.length > 0)

process.exitCode = await main()

async function main(): Promise<number> {
  if (chosen.length === 0) {
    say(`no fault's name has ${words.join(' or ')} in it; there are:`)
    for (const { name } of matrix.flatMap(({ faults }) => faults)) say(`  ${name}`)
    return 1
  }
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort())
  const bad: string[] = []
  say('| fault | acknowledged | lost | came back | local answers | converged | |')
  say('| --- | ---: | ---: | ---: | ---: | ---: | --- |')
  for (const { plan, faults } of chosen) {
    if (end.signal.aborted) break
    const tree = await startProgramTree(plan)
    try {
      await registerAnchors(tree)
      for (const [at, fault] of faults.entries()) {
        if (end.signal.aborted) break
        if (!(await report(tree, fault, at))) bad.push(fault.name)
      }
    } finally {
      await tree.close()
    }
  }
  if (bad.length > 0) say(`\nnot good: ${bad.join('; ')}`)
  return bad.length > 0 || end.signal.aborted ? 1 : 0
}

function isChosen({ name }: Fault): boolean {
  return words.length === 0 || words.some((word) => name.includes(word))
}

/** Whether it was good. */
async function report(tree: ProgramTree, fault: Fault, at: number): Promise<boolean> {
  let result: FaultResult
  try {
    result = await tryFault(tree, fault, `f${at}`, Math.random)
  } catch (error) {
    say(`| ${fault.name} | | | | | | ${String(error).split('\n')[0]} |`)
    await bringBack(tree)
    return false
  }
  say(row(result))
  for (const complaint of result.complaints) say(`|   | | | | | | ${complaint} |`)
  return isGood(result)
}

function row(result: FaultResult): string {
  const { asked, answered, convergedMs } = result
  const share =
    asked === 0 ? '' : `${((100 * answered) / asked).toFixed(answered < asked ? 2 : 0)} %`
  const cells = [
    result.name,
    result.acknowledged,
    result.lost,
    result.returned,
    `${share} of ${asked}`,
    convergedMs === undefined ? 'never' : `${(convergedMs / 1_000).toFixed(2)} s`,
    [result.note, result.slowest && `last: ${result.slowest}`].filter((text) => text).join('; '),
  ]
  return `| ${cells.join(' | ')} |`
}

/** After a fault that broke off, so that the next begins with everything up. */
async function bringBack(tree: ProgramTree): Promise<void> {
  for (const place of [...tree.agents, ...tree.places.filter((each) => each !== '*')]) {
    tree.link(place).heal()
    tree.link(place).thaw()
  }
  for (const program of tree.programs) if (!program.isUp) await program.start()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
