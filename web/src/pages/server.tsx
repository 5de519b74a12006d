import type { Definition, ServerDetail, ServerVersionList } from '@meridian/shared'
import type { ComponentChildren } from 'preact'
import { useLocation, useRoute } from 'preact-iso'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { plural, serverPath } from '../parts/format.ts'
import { ErrorNotice, PageHead, Skeleton } from '../parts/notices.tsx'
import { Counts } from '../parts/state.tsx'
import { Ago } from '../parts/time.tsx'
import { useTitle } from '../parts/use-title.ts'
import { ServerConnect } from './server-connect.tsx'
import { ServerInstances } from './server-instances.tsx'
import { ServerOffers } from './server-offers.tsx'

type Version = ServerDetail['versions'][number]
type Listed = ServerVersionList['versions'][number]

/** Counts of other tiers come without an event of their own. */
const everyMs = 5_000

/** One server: what it offers, where it runs, how clients reach it. */
export function ServerPage() {
  const { params } = useRoute()
  const { query } = useLocation()
  const name = decodeURIComponent(params['name'] ?? '')
  useTitle(name)
  const path = `/v1/servers/${encodeURIComponent(name)}`
  const mine = ({ server }: { readonly server?: string | undefined }) => server === name
  const detail = useResource<ServerDetail>(path, { on: mine, everyMs })
  const listed = useResource<ServerVersionList>(`${path}/versions`, { on: mine })
  const versions = detail.data?.versions ?? listedOnly(listed.data)
  const chosen =
    versions.find(({ definition }) => definition === query['definition']) ??
    versions.find(({ version }) => version === query['version']) ??
    versions[0]
  const definition = useResource<Definition>(chosen && `/v1/definitions/${chosen.definition}`)
  const isKnown = versions.length > 0
  return (
    <>
      <PageHead title={chosen?.title ?? name}>
        <code class="quiet">{name}</code>
      </PageHead>
      {!isKnown && detail.error && listed.error && (
        <ErrorNotice error={listed.error} onAgain={detail.again} />
      )}
      {!isKnown && (detail.loading || listed.loading) && <Skeleton lines={8} />}
      {chosen && (
        <>
          {chosen.description !== undefined && <p class="lead">{chosen.description}</p>}
          <Versions
            name={name}
            versions={versions}
            chosen={chosen}
            listed={listed.data?.versions}
          />
          <div class="columns">
            <div>
              {definition.error && (
                <ErrorNotice error={definition.error} onAgain={definition.again} />
              )}
              {definition.data ? (
                <ServerOffers definition={definition.data} />
              ) : (
                !definition.error && <Skeleton lines={5} />
              )}
            </div>
            <div>
              <ServerConnect name={name} serverJson={definition.data?.serverJson} />
              <About definition={definition.data} />
            </div>
          </div>
          <ServerInstances name={name} />
        </>
      )}
    </>
  )
}

/** What is listed and nobody runs has no detail across the tiers. */
function listedOnly(listed: ServerVersionList | undefined): Version[] {
  return (listed?.versions ?? []).map(({ zones, ...version }) => ({
    ...version,
    zones: zones.map(({ region, zone }) => `${region}/${zone}`),
  }))
}

interface VersionsProps {
  readonly name: string
  readonly versions: readonly Version[]
  readonly chosen: Version
  readonly listed: readonly Listed[] | undefined
}

function Versions({ name, versions, chosen, listed }: VersionsProps) {
  const about = listed?.find(({ definition }) => definition === chosen.definition)
  return (
    <section class="panel version-panel" aria-label="Versions">
      <div class="panel-head">
        <span class="chips">
          {versions.map(({ version, definition }) => (
            <a
              key={definition}
              class="chip num"
              href={pathWith(serverPath(name), { version, definition })}
              aria-current={definition === chosen.definition ? 'true' : undefined}
            >
              {version}
              {isDouble(versions, version) && <small> {definition.slice(0, 7)}</small>}
            </a>
          ))}
        </span>
        <Counts counts={chosen.instances} />
      </div>
      <dl class="facts">
        <Fact label="Zones">{chosen.zones.length > 0 ? chosen.zones.join(', ') : 'none'}</Fact>
        <Fact label="Definition">
          <code title={chosen.definition}>{chosen.definition.slice(0, 16)}…</code>
        </Fact>
        {about && (
          <Fact label="Published">
            <Ago at={about.publishedAt} />
          </Fact>
        )}
        {about?.source !== undefined && <Fact label="Listed by">{about.source}</Fact>}
        {about?.isShadowed === true && (
          <Fact label="Conflict">
            another definition of this version has more passing instances
          </Fact>
        )}
      </dl>
    </section>
  )
}

function isDouble(versions: readonly Version[], version: string): boolean {
  return versions.filter((each) => each.version === version).length > 1
}

function Fact({
  label,
  children,
}: {
  readonly label: string
  readonly children: ComponentChildren
}) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function About({ definition }: { readonly definition: Definition | undefined }) {
  if (!definition) return null
  const { tags, protocols, instructions } = definition
  if (tags.length + protocols.length === 0 && instructions === undefined) return null
  return (
    <section class="panel" aria-labelledby="about">
      <h2 id="about">About</h2>
      <div class="panel-body">
        {tags.length > 0 && (
          <p class="chips">
            {tags.map((tag) => (
              <a key={tag} class="chip" href={pathWith('/search', { q: `tag:${tag}` })}>
                {tag}
              </a>
            ))}
          </p>
        )}
        {protocols.length > 0 && (
          <p>
            <span class="quiet">Speaks MCP</span>{' '}
            <span class="num">{protocols.toSorted().toReversed().join(', ')}</span>
          </p>
        )}
        {instructions !== undefined && (
          <details>
            <summary>Instructions ({plural(countWords(instructions), 'word')})</summary>
            <p class="prose">{instructions}</p>
          </details>
        )}
      </div>
    </section>
  )
}

function countWords(text: string): number {
  return text.split(/\s+/).filter(Boolean).length
}
