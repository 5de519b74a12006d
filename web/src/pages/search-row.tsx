import type { SearchHit } from '@meridian/shared'
import { plural, serverPath } from '../parts/format.ts'
import { Highlighted } from '../parts/highlight.tsx'
import { Counts } from '../parts/state.tsx'

/** Places named in a row; of more, how many. */
const zonesShownMax = 3

/** One server as a search shows it: what it is, how it is, where it is, by what it was found. */
export function ServerRow({
  server,
  words,
}: {
  readonly server: SearchHit
  readonly words: string
}) {
  const { name, title, description, versions, instances, zones, inside } = server
  const [newest] = versions
  return (
    <a class="server-row" href={serverPath(name)} data-item>
      <span class="server-head">
        <b>{title ?? shortOf(name)}</b>
        <code class="quiet">{name}</code>
        {newest !== undefined && <span class="quiet num">{newest}</span>}
        {versions.length > 1 && (
          <span class="quiet num">+{plural(versions.length - 1, 'version')}</span>
        )}
      </span>
      <span class="server-side">
        <Counts counts={instances} />
        <span class="quiet num">{offersOf(server)}</span>
        <span class="places quiet">
          {zones.length === 0
            ? 'listed only'
            : zones.slice(0, zonesShownMax).join(', ') +
              (zones.length > zonesShownMax ? ` +${zones.length - zonesShownMax}` : '')}
        </span>
      </span>
      {description !== undefined && <span class="server-text">{description}</span>}
      {words !== '' && inside.length > 0 && (
        <span class="server-inside">
          {inside.map(({ kind, name: part, nameRanges, line, lineRanges }) => (
            <span key={`${kind} ${part}`}>
              <code>
                <Highlighted text={part} ranges={nameRanges} />
              </code>{' '}
              <span class="quiet">
                <Highlighted text={line} ranges={lineRanges} />
              </span>
            </span>
          ))}
        </span>
      )}
    </a>
  )
}

function shortOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

function offersOf({ tools, resources, resourceTemplates, prompts }: SearchHit): string {
  const parts = [
    tools > 0 && plural(tools, 'tool'),
    resources + resourceTemplates > 0 && plural(resources + resourceTemplates, 'resource'),
    prompts > 0 && plural(prompts, 'prompt'),
  ].filter((part) => part !== false)
  return parts.join(' · ')
}
