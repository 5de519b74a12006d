import { runProgram } from '@meridian/shared/program'
import { startAgentProgram } from './program.ts'

await runProgram(() => startAgentProgram(process.env))
