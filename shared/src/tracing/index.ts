export * from './traced-lookup.ts'
export * from './traced-transport.ts'
