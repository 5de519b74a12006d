import { reportFailure } from '@meridian/shared/program'
import { CommanderError } from 'commander'
import { exitCodes } from './exit-codes.ts'
import { processOutput } from './output.ts'
import { createProgram } from './program.ts'

// `meridian tree | head -1`: who has read enough closes the pipe, and that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await createProgram(processOutput).parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version end here too, with 0; commander has written what there is to say.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    process.exitCode = exitCodes.failed
    reportFailure(error)
  }
}
