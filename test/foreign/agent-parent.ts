// What runs an agent as `npm start` runs its world: on a leash, so that it ends with its parent
// whichever way that ends.
import { run, watchOver } from '../../scripts/lifetime.mjs'

watchOver()
const { code } = await run(process.execPath, process.argv.slice(2), { leashed: true })
process.exit(code)
