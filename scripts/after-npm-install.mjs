// The root's `postinstall`. Whoever types `npm install` out of habit has by now a flat node_modules
// of the root's development tools and nothing else, since npm knows nothing of the workspace. So
// make it right instead of leaving a riddle. Under pnpm there is nothing to do.
const manager = process.env['npm_config_user_agent'] ?? ''

if (manager.startsWith('npm/')) {
  const [{ complain, Problem, say }, { install }, { watchOver }] = await Promise.all([
    import('./say.mjs'),
    import('./install.mjs'),
    import('./lifetime.mjs'),
  ])
  watchOver()
  try {
    await install({ again: true })
    say('ready: next time, npm start and npm test install what they need by themselves')
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    complain(error.message)
    process.exitCode = 1
  }
} else if (manager !== '' && !manager.startsWith('pnpm/')) {
  process.stderr.write('meridian is installed by "npm start" or "npm test", which use pnpm.\n')
  process.exitCode = 1
}
