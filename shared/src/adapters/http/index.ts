export * from './edge.ts'
export * from './listen.ts'
