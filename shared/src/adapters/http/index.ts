export * from './edge.ts'
export * from './listen.ts'
export { addLookupRoutes, type LookupApi } from './lookup-routes.ts'
