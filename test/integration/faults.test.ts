import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerAnchors } from '../faults/load.ts'
import { plan, slice } from '../faults/matrix.ts'
import { tryFault } from '../faults/try-fault.ts'
import { startProgramTree, type ProgramTree } from '../support/program-tree.ts'
import { seededRandom } from '../support/seeded-random.ts'

/** A few of the faults that `npm run test:faults` tries, on a tree of processes of its own. */

const startMsMax = 90_000
const faultMsMax = 90_000

describe('a hierarchy of processes, with faults', () => {
  let tree: ProgramTree
  const random = seededRandom(15_857)

  beforeAll(async () => {
    tree = await startProgramTree(plan)
    await registerAnchors(tree)
  }, startMsMax)
  afterAll(() => tree.close(), startMsMax)

  it.each(slice.map((fault, at) => ({ fault, name: fault.name, series: `s${at}` })))(
    'loses nothing and answers locally: $name',
    async ({ fault, series }) => {
      const { acknowledged, lost, returned, asked, answered, complaints } = await tryFault(
        tree,
        fault,
        series,
        random,
      )
      expect({ lost, returned, complaints }).toEqual({ lost: 0, returned: 0, complaints: [] })
      expect(answered).toBe(asked)
      expect(acknowledged).toBeGreaterThan(20)
    },
    faultMsMax,
  )
})
