import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second, whatever the machine. */
const msPerTick = 10

/** CPU time of a process until now: what it costs, however many others want the same cores. */
export function cpuMsOf(pid: number | undefined): number {
  if (pid === undefined) throw new Error('the process is down')
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name is in parentheses and may hold any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = '', system = ''] = fields.slice(11, 13)
  return (Number(user) + Number(system)) * msPerTick
}
