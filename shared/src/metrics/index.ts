export * from './exposed-exchange.ts'
export * from './metered-lookup.ts'
export * from './metered-transport.ts'
export * from './metrics.ts'
