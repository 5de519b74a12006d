import type { Definition } from '@meridian/shared'
import { useState } from 'preact/hooks'
import { fieldsOf, type SchemaField } from '../model/schema-fields.ts'
import { plural } from '../parts/format.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty } from '../parts/notices.tsx'

type Capabilities = Definition['capabilities']
type Tool = Capabilities['tools'][number]

/** From so many tools on, they can be searched. */
const searchedFrom = 8

/** What a server offers: its tools with their arguments, its resources and prompts. */
export function ServerOffers({ definition }: { readonly definition: Definition }) {
  const { tools, resources, resourceTemplates, prompts } = definition.capabilities
  if (tools.length + resources.length + resourceTemplates.length + prompts.length === 0) {
    return (
      <Empty title="Nothing is known of what it offers.">
        <p>
          It was listed by its publisher and nobody runs it here. Register a running one, and its
          agent asks it.
        </p>
      </Empty>
    )
  }
  return (
    <>
      {tools.length > 0 && <Tools tools={tools} />}
      {resources.length + resourceTemplates.length > 0 && (
        <section class="panel" aria-labelledby="resources">
          <Heading
            id="resources"
            title="Resources"
            count={resources.length + resourceTemplates.length}
          />
          <ul class="rows plain">
            {resources.map(({ uri, title, name, description }) => (
              <li key={uri}>
                <code>{uri}</code> <span class="quiet">{title ?? name ?? description}</span>
              </li>
            ))}
            {resourceTemplates.map(({ uriTemplate, title, name, description }) => (
              <li key={uriTemplate}>
                <code>{uriTemplate}</code> <span class="quiet">{title ?? name ?? description}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {prompts.length > 0 && (
        <section class="panel" aria-labelledby="prompts">
          <Heading id="prompts" title="Prompts" count={prompts.length} />
          <ul class="rows plain">
            {prompts.map(({ name, description, arguments: args = [] }) => (
              <li key={name}>
                <code>{name}</code>
                {args.length > 0 && (
                  <code class="quiet">
                    (
                    {args.map((arg) => `${arg.name}${arg.required === true ? '' : '?'}`).join(', ')}
                    )
                  </code>
                )}{' '}
                <span class="quiet">{description}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

function Tools({ tools }: { readonly tools: readonly Tool[] }) {
  const [text, setText] = useState('')
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = tools.filter(({ name, title = '', description = '' }) => {
    const searched = `${name} ${title} ${description}`.toLowerCase()
    return words.every((word) => searched.includes(word))
  })
  return (
    <section class="panel" aria-labelledby="tools">
      <Heading id="tools" title="Tools" count={tools.length} />
      {tools.length >= searchedFrom && (
        <div class="panel-tools">
          <input
            type="search"
            aria-label="Filter the tools"
            placeholder="Filter the tools"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
      )}
      <div class="tools">
        {shown.map((tool) => (
          <ToolPart key={tool.name} tool={tool} open={shown.length === 1} />
        ))}
        {shown.length === 0 && <p class="panel-body quiet">No tool has these words.</p>}
      </div>
    </section>
  )
}

const hints = [
  ['readOnlyHint', true, 'reads only'],
  ['destructiveHint', true, 'may destroy'],
  ['idempotentHint', true, 'idempotent'],
  ['openWorldHint', true, 'reaches out'],
] as const

function ToolPart({ tool, open }: { readonly tool: Tool; readonly open: boolean }) {
  const { name, title, description, inputSchema, outputSchema, annotations = {} } = tool
  const [isOpen, setIsOpen] = useState(open)
  const fields = isOpen ? fieldsOf(inputSchema) : []
  const results = isOpen ? fieldsOf(outputSchema) : []
  const said = hints.filter(([key, value]) => annotations[key] === value)
  return (
    <details class="tool" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary data-item>
        <code>{name}</code>
        {title !== undefined && title !== name && <span>{title}</span>}
        <span class="tool-hints">
          {said.map(([key, , word]) => (
            <span key={key} class="tag">
              {word}
            </span>
          ))}
        </span>
        <span class="tool-line quiet">{firstLine(description)}</span>
      </summary>
      {isOpen && (
        <div class="tool-body">
          {description !== undefined && <p class="prose">{description}</p>}
          <h3>
            Arguments <span class="quiet">{fields.length === 0 ? 'none' : needed(fields)}</span>
          </h3>
          <Fields fields={fields} />
          {results.length > 0 && (
            <>
              <h3>Result</h3>
              <Fields fields={results} />
            </>
          )}
        </div>
      )}
    </details>
  )
}

function firstLine(text = ''): string {
  return text.trim().split('\n')[0] ?? ''
}

function needed(fields: readonly SchemaField[]): string {
  const count = fields.filter(({ required }) => required).length
  return count === 0 ? 'all optional' : `${plural(count, 'of them is', 'of them are')} required`
}

function Fields({ fields }: { readonly fields: readonly SchemaField[] }) {
  if (fields.length === 0) return null
  return (
    <ul class="arguments">
      {fields.map((field) => (
        <li key={field.name}>
          <div class="argument-head">
            <code class="argument-name">{field.name}</code>
            <code class="argument-type">{field.type}</code>
            {field.required ? (
              <span class="required">required</span>
            ) : (
              <span class="quiet">optional</span>
            )}
            {field.fallback !== undefined && (
              <span class="quiet">
                default <code>{field.fallback}</code>
              </span>
            )}
            {field.rules.map((rule) => (
              <span key={rule} class="quiet">
                {rule}
              </span>
            ))}
          </div>
          {field.description !== undefined && <p>{field.description}</p>}
          {field.choices.length > 0 && (
            <p class="choices">
              {field.choices.map((choice) => (
                <code key={choice}>{choice}</code>
              ))}
            </p>
          )}
          <Fields fields={field.fields} />
        </li>
      ))}
    </ul>
  )
}
