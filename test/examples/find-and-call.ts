/** Who searches flights? Says how many can, connects to one of them, and lists what it offers. */
import { createAgentClient } from '@meridian/client'
import { connect } from '@meridian/client/mcp'

const agent = createAgentClient({ url: process.env['MERIDIAN_URL'] ?? 'http://127.0.0.1:7800' })
const query = 'tool:search_flights'

// A watch tells everything that matches, and then every change; here its beginning is enough.
for await (const event of agent.watch(query, { scope: 'zone' })) {
  if (event.kind !== 'snapshot') continue
  console.log(`${event.results.length} can do it`)
  break
}

// Instances that do not answer are passed over, and what calls come to is reported.
const { client, instance, close } = await connect(agent, query)
const { tools } = await client.listTools()
console.log(`${instance.instance} offers ${tools.map(({ name }) => name).join(', ')}`)
await close()
