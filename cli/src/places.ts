/** Where programs listen unless told otherwise; always on loopback. */
export const defaultPorts = { registry: 7700, agent: 7800 } as const

export const loopback = '127.0.0.1'

export const defaultAgentUrl = `http://${loopback}:${defaultPorts.agent}`
export const defaultRegistryUrl = `http://${loopback}:${defaultPorts.registry}`
