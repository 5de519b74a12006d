import { createFindIndex } from '@meridian/shared'
import { answersMax, toolKey, type MakeEngine } from './engine.ts'

/** The product as it comes, with nothing set. `typing` is off: the questions are finished. */
export const meridian: MakeEngine = (definitions, background) => {
  const index = createFindIndex()
  for (const { id, definition } of definitions) index.put(id, definition)
  for (const { id, definition } of background) index.put(id, definition)
  while (!index.compact()) continue
  const answers = new Set(definitions.map(({ id }) => id))
  const accept = background.length === 0 ? undefined : (id: string) => answers.has(id)
  const options = { typing: false, ...(accept === undefined ? {} : { accept }) }
  return {
    name: 'meridian',
    servers: (question) =>
      index
        .find(question, { ...options, groupByServer: true, limit: answersMax })
        .map(({ server }) => server),
    tools: (question) =>
      index
        .find(question, { ...options, kinds: ['tool'], limit: answersMax })
        .map(({ server, name }) => toolKey(server, name)),
    show: (question) => {
      index.find(question, options)
    },
    bytes: index.memory.total,
  }
}
