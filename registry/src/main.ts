import { runProgram } from '@meridian/shared/program'
import { startRegistryProgram } from './program.ts'

await runProgram(() => startRegistryProgram(process.env))
