import { Command } from 'commander'
import type { Finding } from '../doctor/finding.ts'
import { exitCodes } from '../exit-codes.ts'
import { environmentOf, addAgentFlags } from '../flags.ts'
import { addOutputFlag, printAs, type OutputFlags } from '../output-format.ts'
import { plural, printable, type Output } from '../output.ts'
import { paint } from '../paint.ts'

type DoctorFlags = Readonly<Record<string, string>> & OutputFlags

export function doctorCommand(output: Output): Command {
  const command = new Command('doctor').description(
    'look at all that the agent of this host needs, and say what to do',
  )
  return addOutputFlag(addAgentFlags(command))
    .addHelpText(
      'after',
      `
Looks with the settings of the agent at its configuration, tokens and certificate, port and socket,
NATS (reached, its version, permissions), the zone's registry, clock, databases, and service files.
Run it as the agent's user and with its environment. It changes nothing.

Exits with ${exitCodes.failed} when there is a problem, with ${exitCodes.ok} for warnings alone.`,
    )
    .action(async (flags: DoctorFlags) => {
      // Loaded when needed: see the agent's command.
      const { examine } = await import('../doctor/examine.ts')
      const { output: format, ...settings } = flags
      const findings = await examine(environmentOf(settings))
      printAs(output, format, findings, () => findings.flatMap(render))
      const problems = findings.filter(({ state }) => state === 'problem').length
      const warnings = findings.filter(({ state }) => state === 'warning').length
      output.note(paint.dim(`${plural(problems, 'problem')}, ${plural(warnings, 'warning')}`))
      if (problems > 0) process.exitCode = exitCodes.failed
    })
}

const marks: Readonly<Record<Finding['state'], string>> = {
  ok: paint.green('✓'),
  warning: paint.yellow('!'),
  problem: paint.red('✗'),
  skipped: paint.dim('-'),
}

function render({ check, state, found, todo }: Finding): string[] {
  return [
    `${marks[state]} ${check.padEnd('configuration'.length)}  ${printable(found)}`,
    ...(todo === undefined
      ? []
      : [`${' '.repeat('configuration'.length + 4)}→ ${printable(todo)}`]),
  ]
}
