import { z } from 'zod'

export interface ShownOperation {
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly tag: string
  readonly parameters: readonly { readonly name: string; readonly schema: object }[]
  readonly takes: object | undefined
  readonly answers: object | undefined
}

/** The API as one page, without scripts and without anything from elsewhere. */
export function renderReference(operations: readonly ShownOperation[]): string {
  const tags = [...new Set(operations.map(({ tag }) => tag))]
  const sections = tags.map((tag) => {
    const own = operations.filter((operation) => operation.tag === tag)
    return `<h2>${escaped(tag)}</h2>${own.map(renderOperation).join('')}`
  })
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Meridian registry API</title>
<style>${style}</style></head><body><main><h1>Meridian registry API</h1>
<p>As <a href="/openapi.json">OpenAPI 3.1</a>. Errors are problem documents (RFC 9457) with a code;
those of the official registry’s API have its own shape.</p>${sections.join('')}</main></body></html>`
}

function renderOperation({
  method,
  path,
  summary,
  parameters,
  takes,
  answers,
}: ShownOperation): string {
  const rows = parameters.map(
    ({ name, schema }) =>
      `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${escaped(inWords(schema))}</td></tr>`,
  )
  const table = rows.length > 0 ? `<table>${rows.join('')}</table>` : ''
  return `<section><h3><b>${escaped(method.toUpperCase())}</b> <code>${escaped(path)}</code></h3>
<p>${escaped(summary)}</p>${table}${takes ? renderSchema('Takes', takes) : ''}${answers ? renderSchema('Answers', answers) : ''}</section>`
}

/** What the schemas of our parameters say; everything else is in the document itself. */
const parameterSchema = z.object({
  type: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  default: z.unknown().optional(),
})

/** A parameter for people: `string, at most 512 characters`. */
export function inWords(schema: object): string {
  const said = parameterSchema.parse(schema)
  const parts = [
    said.enum === undefined ? said.type : `one of ${said.enum.join(', ')}`,
    said.pattern !== undefined && `like ${said.pattern}`,
    said.maxLength !== undefined && `at most ${said.maxLength} characters`,
    said.minimum !== undefined && `from ${said.minimum}`,
    said.maximum !== undefined && `up to ${said.maximum}`,
    said.default !== undefined &&
      said.default !== '' &&
      `${JSON.stringify(said.default)} unless given`,
  ]
  const rule = parts.filter((part) => typeof part === 'string').join(', ')
  return said.description === undefined ? rule : `${said.description} (${rule})`
}

function renderSchema(title: string, schema: object): string {
  const text = escaped(JSON.stringify(schema, null, 2))
  return `<details><summary>${title}</summary><pre>${text}</pre></details>`
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  }
  return text.replaceAll(/[&<>"]/g, (char) => entities[char] ?? char)
}

const style = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 60rem; margin: 0 auto; padding: 1rem }
section { border-top: 1px solid #8886; padding: .5rem 0 }
h3 { font-size: 1rem; margin: .25rem 0 }
code, pre { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere }
pre { overflow: auto; background: #8882; padding: .5rem }
table { border-collapse: collapse }
th { text-align: left; font-weight: normal; white-space: nowrap }
th, td { padding: .1rem .75rem .1rem 0; vertical-align: top }
`
