const name = 'meridian'
const terminal = process.stdout.isTTY === true

/**
 * One line of progress on stdout.
 * @param {string} line
 */
export function say(line) {
  clearStatus()
  process.stdout.write(`${paint('2', name)} ${line}\n`)
}

/**
 * One line on stderr: something is wrong.
 * @param {string} line
 */
export function complain(line) {
  clearStatus()
  process.stderr.write(`${paint('31', name)} ${line}\n`)
}

let statusShown = false
let statusAt = 0
const statusEveryMs = 3_000

/**
 * Says how far a long step is: rewrites one line on a terminal, elsewhere a new line now and then.
 * @param {string} line
 */
export function sayStatus(line) {
  if (terminal) {
    process.stdout.write(`\r\u001b[2K${paint('2', name)} ${line}`)
    statusShown = true
  } else if (Date.now() - statusAt >= statusEveryMs) {
    statusAt = Date.now()
    process.stdout.write(`${name} ${line}\n`)
  }
}

function clearStatus() {
  if (statusShown) process.stdout.write('\r\u001b[2K')
  statusShown = false
}

/**
 * @param {string} code of an SGR sequence
 * @param {string} text
 */
export function paint(code, text) {
  return terminal && process.env['NO_COLOR'] === undefined
    ? `\u001b[${code}m${text}\u001b[0m`
    : text
}

/**
 * Seconds since `startedAt`, for people: `1.4 s`.
 * @param {number} startedAt of `Date.now()`
 */
export function since(startedAt) {
  return `${((Date.now() - startedAt) / 1_000).toFixed(1)} s`
}

/** An end that was foreseen: its message is a whole sentence for the user, without a stack. */
export class Problem extends Error {
  /** @override */
  name = 'Problem'
}
