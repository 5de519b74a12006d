export * from './advertise.ts'
export * from './agent-client.ts'
export type { HttpClientOptions } from './http-client.ts'
export * from './registry-client.ts'
