import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/**
 * `meridian completion <shell>` prints a script; what it offers comes from the commands themselves,
 * asked for behind the scenes by `meridian complete -- …`. Call it when all commands are there.
 */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: 'completion' })
  const command = program.commands.find((each) => each.name() === 'completion')
  command?.description('print a script that completes commands and flags').addHelpText(
    'after',
    `
Examples:
  source <(meridian completion bash)        in ~/.bashrc
  source <(meridian completion zsh)         in ~/.zshrc
  meridian completion fish > ~/.config/fish/completions/meridian.fish`,
  )
}
