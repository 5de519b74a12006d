/**
 * A process that supervises a stdio server and is killed by the test: it prints the process ids
 * and then waits.
 */
import { startStdioServer } from '../../../agent/src/registration/supervision/stdio-server.ts'

const [dataDir = '', ...does] = process.argv.slice(2)
const report = (fields: object, message: string) => {
  process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`)
}
const server = await startStdioServer({
  id: 'stubborn',
  command: process.execPath,
  args: [new URL('./scripted-server.ts', import.meta.url).pathname, ...does],
  dataDir,
  log: { debug: report, info: report, warn: report, error: report },
  grace: { inputEndMs: 100, termMs: 300 },
})
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`)
