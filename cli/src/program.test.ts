import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from './program.ts'

const program = createProgram({
  columns: undefined,
  line: () => undefined,
  note: () => undefined,
  progress: () => undefined,
})

function commandsOf(command: Command, path = ''): (readonly [path: string, command: Command])[] {
  return command.commands.flatMap((each) => {
    const name = `${path}${each.name()}`
    return [[name, each] as const, ...commandsOf(each, `${name} `)]
  })
}

const all = commandsOf(program).filter(([, command]) => !command.name().startsWith('complet'))

/** Those that print no data: they run a program, or say in a note that something was done. */
const printsNothing = new Set(
  (
    'agent,agent stay,registry,dev,deregister,restore,export,token revoke,' +
    'context add,context use,context rm,snapshots rm'
  ).split(','),
)

describe('the commands', () => {
  it.each(all)('%s says what it does and what each flag and argument is', (_, command) => {
    expect(command.description()).not.toBe('')
    for (const { flags, description } of command.options) {
      expect([flags, description]).not.toEqual([flags, ''])
      expect([flags, description]).not.toEqual([flags, undefined])
    }
    for (const argument of command.registeredArguments) {
      expect([argument.name(), argument.description]).not.toEqual([argument.name(), ''])
    }
  })

  it.each(
    all.filter(([path, command]) => command.commands.length === 0 && !printsNothing.has(path)),
  )('%s prints a table, JSON or YAML', (_, command) => {
    const flags = command.options.map(({ long }) => long)
    expect(flags).toContain('--output')
    expect(flags).toContain('--json')
  })
})
