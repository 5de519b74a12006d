export * from './definition-heads.ts'
export * from './held-back.ts'
export * from './instance-catalog.ts'
export * from './lookup-result.ts'
