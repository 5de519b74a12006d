/** Who searches flights, asked of this process itself, which holds what its agent holds. */
import { createEmbeddedClient } from '@meridian/client'

const agent = createEmbeddedClient({ url: process.env['MERIDIAN_URL'] ?? 'http://127.0.0.1:7800' })
await agent.ready()

// The agent is asked only for what is not to be found here.
const { results } = await agent.lookup('tool:search_flights')
console.log(`${results.length} can do it, ${agent.state.state} the agent`)

await agent.close()
