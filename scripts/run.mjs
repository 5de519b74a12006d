// npm start, npm test, npm run check: install what is missing, then run the task on the pinned
// Node.js. Plain JavaScript without dependencies, because it runs before there are any, on the Node
// that the machine happens to have.
const nodeMin = 20

const [task = '', ...args] = process.argv.slice(2)
process.exitCode = await main()

async function main() {
  const major = Number(process.versions.node.split('.')[0])
  if (process.platform === 'win32') {
    process.stderr.write('meridian runs on Linux and macOS; on Windows, use WSL.\n')
    return 1
  }
  if (major < nodeMin) {
    process.stderr.write(
      `meridian needs Node.js ${nodeMin} or newer to begin with, and this is ${process.versions.node}. Everything else is installed by itself.\n`,
    )
    return 1
  }
  // Not before the check: an old Node.js would stumble over their syntax instead.
  const [{ complain, Problem, say }, { install, node, root }, { watchOver }, { versionOf }] =
    await Promise.all([
      import('./say.mjs'),
      import('./install.mjs'),
      import('./lifetime.mjs'),
      import('./programs.mjs'),
    ])
  /** @type {Record<string, () => Promise<number>>} */
  const tasks = {
    start: async () => (await import('./start.mjs')).start(args),
    test: async () => (await import('./test.mjs')).test(args),
    check: async () => ((await (await import('./check.mjs')).check()).length > 0 ? 1 : 0),
    install: async () => 0,
  }
  const perform = tasks[task]
  if (perform === undefined) {
    complain(`there is no task "${task}"; there are: ${Object.keys(tasks).join(', ')}.`)
    return 1
  }
  process.chdir(root)
  watchOver()
  try {
    await install()
    say(`${task}: on Node.js ${versionOf(node) ?? node}`)
    return await perform()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(error.message)
    return 1
  }
}
