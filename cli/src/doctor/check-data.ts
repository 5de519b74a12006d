import { migrationsDir } from '@meridian/agent'
import { examineDatabase } from '@meridian/shared/sqlite'
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { reasonOf, type Finding } from './finding.ts'

const mib = 1_048_576
/** 100,000 instances take some 80 MB, and as much again while the log is written back. */
const freeBytesMin = 256 * mib
const freeBytesGood = 1_024 * mib

/** The agent's databases: whole, for its eyes only, with room to grow. */
export function checkData(dataDir: string): Finding[] {
  return [checkFolder(dataDir), ...['agent.db', 'zone.db'].map((file) => checkFile(dataDir, file))]
}

function checkFolder(dataDir: string): Finding {
  const folder = nearest(resolve(dataDir))
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    return {
      check: 'database',
      state: 'problem',
      found: `the folder ${folder} cannot be written: ${reasonOf(error)}`,
      todo: 'give this user the right to, or choose another folder (MERIDIAN_DATA)',
    }
  }
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const found = `${folder} can be written, ${Math.floor(free / mib)} MiB are free`
  if (free >= freeBytesGood) return { check: 'database', state: 'ok', found }
  return {
    check: 'database',
    state: free < freeBytesMin ? 'problem' : 'warning',
    found,
    todo: 'make room: when it is full, registrations are refused with 507',
  }
}

function checkFile(dataDir: string, file: string): Finding {
  const path = resolve(join(dataDir, file))
  const lost = file === 'agent.db' ? 'restore it from a backup, or ' : ''
  try {
    const examined = examineDatabase(
      path,
      join(migrationsDir, file === 'agent.db' ? 'agent' : 'registry'),
    )
    switch (examined.kind) {
      case 'absent':
        return {
          check: 'database',
          state: 'ok',
          found: `${path} is not there: the first start makes it`,
        }
      case 'held':
        return {
          check: 'database',
          state: 'ok',
          found: `${path} is in use, and was whole at the start`,
        }
      case 'free':
        return judgeFile(path, examined.version, examined.newest)
      default:
        return examined satisfies never
    }
  } catch (error) {
    return {
      check: 'database',
      state: 'problem',
      found: reasonOf(error),
      todo: `${lost}do what is said there`,
    }
  }
}

function judgeFile(path: string, version: number, newest: number): Finding {
  if (version > newest) {
    return {
      check: 'database',
      state: 'problem',
      found: `${path} is of a newer Meridian (version ${version}; this one knows ${newest})`,
      todo: 'start the newer Meridian, or choose another folder (MERIDIAN_DATA)',
    }
  }
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0) {
    return {
      check: 'database',
      state: 'warning',
      found: `${path} may be read by others (mode ${mode.toString(8)})`,
      todo: `chmod 600 ${path}; the agent does so when it starts as its owner`,
    }
  }
  const older =
    version < newest ? `; the next start brings it from version ${version} to ${newest}` : ''
  return { check: 'database', state: 'ok', found: `${path} is whole${older}` }
}

/** The folder, or what of its path is there. */
function nearest(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : nearest(dirname(folder))
}
