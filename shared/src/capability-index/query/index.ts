export { parseQuery } from './parser.ts'
export { printQuery } from './printer.ts'
export { queryFromJson, queryJsonSchema, queryToJson, type QueryJson } from './json.ts'
export { queryLimits } from './limits.ts'
export {
  asksForStatus,
  fixedFields,
  isField,
  isInstanceField,
  type Field,
  type FixedField,
  type Query,
  type QueryPart,
  type Term,
} from './query.ts'
