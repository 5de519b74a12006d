import type { SearchAnswer } from '@meridian/shared'
import { useLocation } from 'preact-iso'
import { useEffect, useState } from 'preact/hooks'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { countOf, plural } from '../parts/format.ts'
import { Empty, ErrorNotice, PageHead, Skeleton } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'
import { VirtualList } from '../parts/virtual-list.tsx'
import { FacetList } from './search-facets.tsx'
import { SearchBox } from './search-box.tsx'
import { ServerRow } from './search-row.tsx'
import { usePages } from './use-pages.ts'

/** An address is written this long after the last key: browsers refuse a hundred a minute. */
const addressMs = 300
/** What others change shows so soon in a list that is looked at. */
const everyMs = 10_000

/** Servers of each page after the first, which is small to be there soon. */
const furtherMax = 100

const examples = [
  'flights',
  'tool:search*',
  'tag:travel',
  'status:critical',
  'arg:date -transport:sse',
]

/** One box for words and the query language; what it holds is the page's address. */
export function SearchPage() {
  const { query, route } = useLocation()
  const asked = query['q'] ?? ''
  const [text, setText] = useState(asked)
  useTitle(text === '' ? 'Search' : text)
  // Back and forth, and links to other searches, come through the address.
  useEffect(() => setText(asked), [asked])
  useEffect(() => {
    if (text === asked) return
    const timer = setTimeout(() => {
      route(pathWith('/search', { q: text }), true)
    }, addressMs)
    return () => clearTimeout(timer)
  }, [text, asked, route])

  const first = useResource<SearchAnswer>(
    pathWith('/v1/search', { text, typing: text !== '' && !text.endsWith(' ') ? true : undefined }),
    { on: ({ kind }) => kind.startsWith('instance-'), everyMs },
  )
  const { data, error, again } = first
  const { servers, more } = usePages(data, (cursor) =>
    pathWith('/v1/search', { text, cursor, limit: furtherMax }),
  )

  return (
    <>
      <PageHead title="Search" />
      <SearchBox text={text} onText={setText} problem={data?.problem} />
      <div class="with-aside">
        <aside aria-label="Narrow the search">
          <FacetList text={text} onText={setText} />
        </aside>
        <section aria-label="Servers found" aria-busy={first.loading}>
          {error && <ErrorNotice error={error} onAgain={again} />}
          {!data && !error && <Skeleton lines={9} />}
          {data && !data.problem && (
            <>
              <p class="result-count quiet num" role="status">
                {countInWords(data)}
              </p>
              {servers.length === 0 ? (
                <NothingFound text={text} onText={setText} />
              ) : (
                <VirtualList
                  items={servers}
                  keyOf={(server) => server.name}
                  estimate={data.words === '' ? 66 : 104}
                  onEnd={more}
                >
                  {(server) => <ServerRow server={server} words={data.words} />}
                </VirtualList>
              )}
            </>
          )}
        </section>
      </div>
    </>
  )
}

function countInWords({ total, servers, words }: SearchAnswer): string {
  if (total !== undefined) return plural(total, 'server')
  return servers.length === 0 ? `nothing for “${words}”` : `the best ${countOf(servers.length)}`
}

function NothingFound({
  text,
  onText,
}: {
  readonly text: string
  readonly onText: (text: string) => void
}) {
  return (
    <Empty title={text === '' ? 'No server is registered yet.' : 'No server matches.'}>
      {text === '' ? (
        <p>
          Register one with an agent, or bring a list: <code>meridian import servers.jsonl</code>
        </p>
      ) : (
        <>
          <p>Fewer words, or a query such as one of these:</p>
          <p class="chips">
            {examples.map((example) => (
              <button key={example} type="button" class="chip" onClick={() => onText(example)}>
                {example}
              </button>
            ))}
          </p>
        </>
      )}
    </Empty>
  )
}
