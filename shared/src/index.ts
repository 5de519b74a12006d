export * from './api/index.ts'
export * from './errors.ts'
export * from './model/index.ts'
export * from './ports/index.ts'
