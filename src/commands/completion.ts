import { shells } from '../completion/shells.ts'
import type { AddCommand } from './cli.ts'
import { readOneOf } from './read.ts'

export const addCompletion: AddCommand = (program, cli) => {
  program
    .command('completion')
    .summary('print what makes a shell complete commands and options')
    .description('Print what makes your shell complete the commands, their options and the values of those.')
    .argument('<shell>', shells.join(', '), readOneOf(shells))
    .addHelpText(
      'after',
      "\nExamples:\n  $ echo 'source <(whoopster completion bash)' >> ~/.bashrc\n" +
        '  $ whoopster completion zsh > "${fpath[1]}/_whoopster"\n' +
        '  $ whoopster completion fish > ~/.config/fish/completions/whoopster.fish',
    )
    .action(async (shell) => {
      const { completionFor } = await import('../completion/index.ts')
      cli.world.terminal.stdout.write(completionFor(shell, program)) // as it is: it is no text for a terminal
    })
}
