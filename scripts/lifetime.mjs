// Nobody outlives `npm start`. A child runs in a process group of its own, so that
//
//   terminal --^C--> npm, sh, run.mjs      run.mjs --SIGINT--> child --its own way--> grandchildren
//
// it hears of Ctrl-C once, from us, instead of together with its own children; and so that what it
// leaves behind can be swept. Three ways lead to the end:
//
//   a signal       is passed on; after `graceMs`, or at a second Ctrl-C, the group is killed
//   npm dies       (it passes no signal on) we notice and act as on SIGTERM
//   we die         (SIGKILL) end-with-parent.mjs inside the child sees its leash fall
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { complain } from './say.mjs'

/** How long a child may take to end: its own drain takes at most 10 s. */
const graceMs = 15_000

/** Half a second after npm's death its world should be on its way down. */
const parentPollMs = 500

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/** @type {Map<ChildProcess, { wholeGroup: boolean }>} */
const running = new Map()

/** @type {NodeJS.Signals | undefined} the first signal that asked us to end */
let endedBy

/** The first signal that asked us to end, if one did. */
export function askedToEnd() {
  return endedBy
}

/** What a shell reports for a process that a signal ended. */
export function exitCodeOf(/** @type {NodeJS.Signals} */ signal) {
  return 128 + constants.signals[signal]
}

/** Listens for signals and watches npm. Call once, before the first child. */
export function watchOver() {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => end(signal))
  }
  if (process.env['npm_lifecycle_event'] !== undefined) watchParents()
}

/** @param {NodeJS.Signals} signal */
function end(signal) {
  const again = endedBy !== undefined
  if (again && signal !== 'SIGINT') return
  endedBy ??= signal
  if (running.size === 0) process.exit(exitCodeOf(endedBy))
  if (again) return killAll()
  for (const [child, { wholeGroup }] of running) {
    if (child.pid !== undefined) send(wholeGroup ? -child.pid : child.pid, signal)
  }
  setTimeout(() => {
    complain(`still running ${graceMs / 1_000} s after ${signal}: killed.`)
    killAll()
  }, graceMs).unref()
}

function killAll() {
  for (const child of running.keys()) if (child.pid !== undefined) send(-child.pid, 'SIGKILL')
}

/**
 * @param {number} pid negative for a process group
 * @param {NodeJS.Signals} signal
 */
function send(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Gone already, which is what was wanted.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
  }
}

/**
 * @typedef {object} Options
 * @property {Record<string, string | undefined>} [env] added to ours
 * @property {(line: string) => void} [onLine] called for each line as it comes; implies collecting
 * @property {boolean} [collect] keep the output for the caller instead of showing it
 * @property {boolean} [leashed] a Node program of ours, which must end when this process is killed
 * @property {number} [timeoutMs] then the whole group is killed
 *
 * @typedef {object} Ended
 * @property {number} code the exit code, or 128 + the signal's number
 * @property {string} output stdout and stderr as they came, when collected
 * @property {Error} [failure] the program could not be started
 */

/** The flag and environment that put a Node program on the leash; see end-with-parent.mjs. */
const leash = /** @type {const} */ ('pipe')
const leashFile = fileURLToPath(new URL('end-with-parent.mjs', import.meta.url))

/**
 * Runs a program to its end. Does not reject: what went wrong is in the result.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Options} [options]
 * @returns {Promise<Ended>}
 */
export function run(command, args, options = {}) {
  if (endedBy !== undefined) return Promise.resolve({ code: exitCodeOf(endedBy), output: '' })
  const collects = options.collect === true || options.onLine !== undefined
  const out = collects ? 'pipe' : 'inherit'
  const leashed = options.leashed === true
  /** @type {import('node:child_process').StdioOptions} */
  const stdio = [collects ? 'ignore' : 'inherit', out, out, ...(leashed ? [leash] : [])]
  const child = spawn(command, leashed ? ['--import', leashFile, ...args] : args, {
    detached: true,
    env: {
      ...process.env,
      ...options.env,
      ...(leashed ? { MERIDIAN_LEASH: 'fd 3' } : {}),
    },
    stdio,
  })
  // Pass on one signal to all of npx, pnpm and what they start; but a program of ours only itself
  // knows in which order its own children end.
  running.set(child, { wholeGroup: !leashed })
  // The leash breaks when the child goes first.
  child.stdio[3]?.on('error', () => child.stdio[3]?.destroy())

  let output = ''
  let unfinished = ''
  const take = (/** @type {string} */ text) => {
    output += text
    if (options.onLine === undefined) return
    const lines = (unfinished + text).split('\n')
    unfinished = lines.pop() ?? ''
    for (const line of lines) options.onLine(line)
  }
  child.stdout?.setEncoding('utf8').on('data', take)
  child.stderr?.setEncoding('utf8').on('data', take)

  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          take(`\nno end after ${(options.timeoutMs ?? 0) / 1_000} s\n`)
          if (child.pid !== undefined) send(-child.pid, 'SIGKILL')
        }, options.timeoutMs)

  return new Promise((resolve) => {
    child.once('error', (failure) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code: 127, output, failure })
    })
    child.once('exit', () => {
      // Whatever it left behind goes with it.
      if (child.pid !== undefined) send(-child.pid, 'SIGKILL')
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code: code ?? exitCodeOf(signal ?? 'SIGKILL'), output })
    })
  })
}

/**
 * npm dies of SIGTERM and SIGHUP without telling anybody. `npm` starts us through `sh -c`, and that
 * shell may stay between the two of us: then it is its parent that tells.
 */
function watchParents() {
  const parent = process.ppid
  const grandparent = isShell(parent) ? parentOf(parent) : undefined
  setInterval(() => {
    const orphaned =
      process.ppid !== parent || (grandparent !== undefined && parentOf(parent) !== grandparent)
    if (orphaned && endedBy === undefined) end('SIGTERM')
  }, parentPollMs).unref()
}

// Without /proc (macOS) only our own parent is watched; its /bin/sh replaces itself by the program.

/** @param {number} pid */
function isShell(pid) {
  return /^(sh|dash|bash|zsh|ash|busybox)$/.test(procStat(pid)?.name ?? '')
}

/** @param {number} pid */
function parentOf(pid) {
  return procStat(pid)?.parent
}

/** @param {number} pid */
function procStat(pid) {
  let text
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // No such process, or no /proc on this system: nothing to tell.
    return undefined
  }
  // `123 (name, which may hold anything) S 1 …`
  const end = text.lastIndexOf(')')
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    parent: Number(text.slice(end + 2).split(' ')[1]),
  }
}
