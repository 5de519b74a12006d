/** One argument of a tool, as people read it. */
export interface SchemaField {
  readonly name: string
  /** `string`, `integer[]`, `"a" | "b"`… */
  readonly type: string
  readonly required: boolean
  readonly description: string | undefined
  /** The values that it may have, where they are counted. */
  readonly choices: readonly string[]
  readonly fallback: string | undefined
  /** `at most 10 characters`, `from 1 to 5`… */
  readonly rules: readonly string[]
  readonly fields: readonly SchemaField[]
}

type Schema = Readonly<Record<string, unknown>>

/** Nesting that is read; a schema that names itself has no end. */
const depthMax = 6
/** Properties of one object that are shown. */
const fieldsMax = 200
const textMax = 120

/** The properties of a JSON Schema's object, those of objects inside them too. */
export function fieldsOf(schema: unknown): SchemaField[] {
  if (!isSchema(schema)) return []
  return fieldsIn(schema, schema, 0)
}

function fieldsIn(schema: Schema, root: Schema, depth: number): SchemaField[] {
  const { properties, required } = resolved(schema, root)
  if (!isSchema(properties) || depth >= depthMax) return []
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.entries(properties)
    .slice(0, fieldsMax)
    .map(([name, value]) => fieldOf(name, value, needed.has(name), root, depth))
    .sort((a, b) => Number(b.required) - Number(a.required))
}

function fieldOf(
  name: string,
  value: unknown,
  required: boolean,
  root: Schema,
  depth: number,
): SchemaField {
  const schema = isSchema(value) ? resolved(value, root) : {}
  const inner = isSchema(schema['items']) ? resolved(schema['items'], root) : schema
  const options = [...alternatives(schema), ...alternatives(inner)].map((each) =>
    resolved(each, root),
  )
  const withFields = [inner, ...options].find((each) => isSchema(each['properties']))
  const { description, default: fallback } = schema
  return {
    name,
    type: typeOf(schema, root, depth),
    required,
    description: typeof description === 'string' ? description : undefined,
    choices: choicesOf(schema).concat(inner === schema ? [] : choicesOf(inner)),
    fallback: fallback === undefined ? undefined : shown(fallback),
    rules: rulesOf(schema),
    fields: withFields ? fieldsIn(withFields, root, depth + 1) : [],
  }
}

function typeOf(schema: Schema, root: Schema, depth: number): string {
  if (depth > depthMax) return '…'
  const { type, items } = schema
  const constant = schema['const']
  if (constant !== undefined) return shown(constant)
  const options = alternatives(schema)
  if (options.length > 0) {
    const types = options.map((each) => typeOf(resolved(each, root), root, depth + 1))
    return [...new Set(types)].join(' | ')
  }
  if (type === 'array' || items !== undefined) {
    const of = isSchema(items) ? typeOf(resolved(items, root), root, depth + 1) : 'any'
    return of.includes(' ') ? `(${of})[]` : `${of}[]`
  }
  if (Array.isArray(type)) return type.join(' | ')
  if (typeof type === 'string') {
    const { format } = schema
    return typeof format === 'string' ? `${type} (${format})` : type
  }
  const [first] = choicesOf(schema)
  if (first !== undefined) return 'one of'
  return isSchema(schema['properties']) ? 'object' : 'any'
}

function alternatives(schema: Schema): Schema[] {
  const { anyOf, oneOf } = schema
  const options = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : []
  return options.filter(isSchema)
}

function choicesOf(schema: Schema): string[] {
  const { enum: values } = schema
  return Array.isArray(values) ? values.map(shown) : []
}

function rulesOf(schema: Schema): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema
  return [
    range(minimum, maximum, ''),
    range(minLength, maxLength, ' characters'),
    range(minItems, maxItems, ' items'),
    typeof pattern === 'string' ? `like ${shortened(pattern)}` : undefined,
  ].filter((rule) => rule !== undefined)
}

function range(from: unknown, to: unknown, unit: string): string | undefined {
  if (typeof from !== 'number') return typeof to === 'number' ? `at most ${to}${unit}` : undefined
  return typeof to === 'number' ? `${from} to ${to}${unit}` : `at least ${from}${unit}`
}

/** What a reference inside the document stands for; one that leads elsewhere stands for anything. */
function resolved(schema: Schema, root: Schema): Schema {
  let found = schema
  for (let hops = 0; hops < depthMax; hops += 1) {
    const reference = found['$ref']
    if (typeof reference !== 'string') return found
    const target = reference.startsWith('#/') ? follow(root, reference) : undefined
    if (!isSchema(target)) return {}
    found = target
  }
  return found
}

function follow(root: Schema, reference: string): unknown {
  let at: unknown = root
  for (const part of reference.slice(2).split('/')) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    at = isSchema(at) && Object.hasOwn(at, key) ? at[key] : undefined
  }
  return at
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return shortened(JSON.stringify(value))
}

function shortened(text: string): string {
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text
}
