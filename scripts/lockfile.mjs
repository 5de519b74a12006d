/**
 * What is wrong with a pnpm-lock.yaml. It may hold integrity hashes only: an address in it would
 * bypass the registry that the reader has configured, or name one that the reader cannot reach.
 * @param {string} text
 * @returns {string[]} one line per fault
 */
export function lockfileFaults(text) {
  return text.split('\n').flatMap((line, at) => {
    const fault = faultOf(line.trim())
    return fault === undefined ? [] : [`pnpm-lock.yaml:${at + 1}: ${fault}: ${line.trim()}`]
  })
}

/** @param {string} line without its indentation */
function faultOf(line) {
  if (line.startsWith('resolution:')) {
    return /^resolution: \{integrity: sha512-[A-Za-z0-9+/]+=*\}$/.test(line)
      ? undefined
      : 'a resolution may hold a sha512 integrity and nothing else'
  }
  if (/^(tarball|repo|directory):/.test(line)) return 'an address'
  // The text of a deprecation may hold a link; nothing else may.
  if (/^(deprecated|libc|engines):/.test(line)) return undefined
  // At the start of a word of its own: `get-caller-file: 2.0.5` is none.
  return /(^|[\s'"(@])(git\+)?(https?|git|ssh|file):/.test(line) ? 'an address' : undefined
}

/**
 * Dependencies of a package.json whose version is not one exact version (`catalog:` and
 * `workspace:` point at where it is stated).
 * @param {string} file for the message
 * @param {string} text
 * @returns {string[]} one line per fault
 */
export function looseVersions(file, text) {
  const manifest = /** @type {Partial<Record<string, Record<string, string>>>} */ (JSON.parse(text))
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']
  return kinds
    .flatMap((kind) => Object.entries(manifest[kind] ?? {}))
    .filter(([, version]) => !/^(\d+\.\d+\.\d+(-[\w.]+)?|catalog:\w*|workspace:\*)$/.test(version))
    .map(([name, version]) => `${file}: ${name} is "${version}"; pin one exact version`)
}
