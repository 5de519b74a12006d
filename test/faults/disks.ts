import { openDatabase } from '@meridian/shared/sqlite'
import { cp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ProgramTree, TreeProgram } from '../support/program-tree.ts'
import type { Fault } from './fault.ts'

const migrationsDir = fileURLToPath(new URL('../../migrations/registry', import.meta.url))

/** Time in which the others learn what an older copy of a disk does not have. */
const newerMs = 2_000

/** Nothing on their disks when they come back. */
export function wipe(what: string, programs: (tree: ProgramTree) => readonly TreeProgram[]): Fault {
  return {
    name: `${what} restarted without data`,
    async run(tree) {
      const all = programs(tree)
      await Promise.all(all.map((program) => program.kill()))
      await Promise.all(all.map(({ data }) => rm(data, { recursive: true, force: true })))
      await Promise.all(all.map((program) => program.start()))
      // They were known to others while they knew nothing.
      await delay(newerMs)
      return ''
    },
  }
}

/**
 * One comes back with an older disk, at the same moment as `together` come back with theirs: what
 * it lacks must not be taken for removed.
 */
export function rollBack(what: string, name: string, together: readonly string[]): Fault {
  return {
    name: what,
    async run(tree) {
      const older = tree.program(name)
      await keepCopy(older)
      await delay(newerMs)
      const all = [older, ...together.map((each) => tree.program(each))]
      await Promise.all(all.map((program) => program.kill()))
      await putBackCopy(older)
      await Promise.all(all.map((program) => program.start()))
      await delay(newerMs)
      return ''
    },
  }
}

/**
 * An agent's own disk is older than what others have heard of it. What it has acknowledged since is
 * gone with the disk that it was written to; all that can be asked is that everybody agrees with
 * the disk that there is.
 */
export function rollBackAgent(place: string): Fault {
  return {
    name: `agent ${place} restarted with an older disk`,
    async run(tree, ledger) {
      const agent = tree.program(`agent ${place}`)
      await keepCopy(agent)
      await delay(newerMs)
      await agent.kill()
      ledger.of(place).doubtAll()
      await putBackCopy(agent)
      await agent.start()
      await delay(newerMs)
      return ''
    },
  }
}

/** A database that has been written over is not answered from: it is set aside and filled anew. */
export function corrupt(name: string, file: string): Fault {
  return {
    name: `${name} with a damaged database`,
    async run(tree) {
      const program = tree.program(name)
      await program.kill()
      const path = join(program.data, file)
      // Closing carries the log over, which would lie over the damage and heal it.
      openDatabase({ path, migrationsDir, durability: 'normal' }).close()
      await writeOver(path)
      await program.start()
      if (!program.log.includes('damaged database set aside')) {
        throw new Error(`${name} answers from a damaged database`)
      }
      return 'set aside, then filled again'
    },
  }
}

/** Damages every page but the first few. */
async function writeOver(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    const { size } = await handle.stat()
    const page = 4_096
    for (let at = 2 * page; at < size; at += page) {
      await handle.write(Buffer.alloc(page, 0xa5), 0, page, at)
    }
  } finally {
    await handle.close()
  }
}

function copyOf({ data }: TreeProgram): string {
  return `${data}.copy`
}

async function keepCopy(program: TreeProgram): Promise<void> {
  await program.kill()
  await rm(copyOf(program), { recursive: true, force: true })
  await cp(program.data, copyOf(program), { recursive: true })
  await program.start()
}

async function putBackCopy(program: TreeProgram): Promise<void> {
  await rm(program.data, { recursive: true, force: true })
  await cp(copyOf(program), program.data, { recursive: true })
}
