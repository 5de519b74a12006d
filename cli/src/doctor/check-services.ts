import { openServiceFolder, readServiceFile, type AgentConfig } from '@meridian/agent'
import { plural } from '../output.ts'
import { reasonOf, type Finding } from './finding.ts'

const todo =
  'correct the file; the agent reads it again by itself, or at once: meridian agent reload'

/** What the folder of service files asks for, and what is wrong in them, as the agent reads them. */
export async function checkServices({ services }: AgentConfig): Promise<Finding[]> {
  const folder = openServiceFolder({
    path: services.folder,
    allowCommands: services.allowCommands,
  })
  try {
    const listing = await folder.list()
    if (listing.kind !== 'files') {
      const found = `${services.folder} is not there: nothing is registered from files`
      if (listing.kind === 'missing') return [{ check: 'services', state: 'ok', found }]
      return [
        {
          check: 'services',
          state: 'problem',
          found: `${services.folder} cannot be read: ${listing.reason}`,
          todo: 'give this user the right to, or choose another folder (MERIDIAN_SERVICES_DIR)',
        },
      ]
    }
    const findings: Finding[] = []
    let instances = 0
    for (const file of listing.files) {
      const { name, noCommands } = file
      try {
        const { entries, problems } = readServiceFile({ name, noCommands }, await file.read())
        instances += entries.length
        for (const { line, field, problem } of problems) {
          const place = line === undefined ? name : `${name}:${line}`
          findings.push({
            check: 'services',
            state: 'problem',
            found: `${place}: ${field} ${problem}`,
            todo,
          })
        }
      } catch (error) {
        const found = `${name} ${reasonOf(error)}`
        findings.push({ check: 'services', state: 'problem', found, todo })
      }
    }
    const asked = `${plural(listing.files.length, 'file')} in ${services.folder} ask for ${plural(instances, 'instance')}`
    return [{ check: 'services', state: 'ok', found: asked }, ...findings]
  } finally {
    folder.close()
  }
}
