export * from './scope.ts'
export * from './token.ts'
export * from './token-book.ts'
export * from './token-file.ts'
