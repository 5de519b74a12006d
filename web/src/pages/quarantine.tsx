import type { QuarantinePage as Page } from '@meridian/shared'
import { useState } from 'preact/hooks'
import { ApiError, getJson, pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import { plural } from '../parts/format.ts'
import { Empty, ErrorNotice, PageHead, Skeleton, Unreachable } from '../parts/notices.tsx'
import { Since } from '../parts/time.tsx'
import { useTitle } from '../parts/use-title.ts'

const pageSize = 100
/** Records come and go there without an event. */
const everyMs = 10_000

/** Owners of records that this registry holds, passes on, and cannot read. */
export function QuarantinePage() {
  useTitle('Quarantine')
  const { data, error, again } = useResource<Page>(
    pathWith('/v1/quarantine', { limit: pageSize }),
    { everyMs },
  )
  const [more, setMore] = useState<Page>()
  const [failure, setFailure] = useState<ApiError>()
  const cursor = (more ?? data)?.nextCursor
  const owners = unique([...(data?.owners ?? []), ...(more?.owners ?? [])])
  const showMore = () => {
    getJson<Page>(
      pathWith('/v1/quarantine', { limit: pageSize, cursor }),
      new AbortController().signal,
    )
      .then((page) => {
        setFailure(undefined)
        setMore({ ...page, owners: [...(more?.owners ?? []), ...page.owners] })
      })
      .catch((reason: unknown) => {
        if (!(reason instanceof ApiError)) throw reason
        setFailure(reason)
      })
  }
  return (
    <>
      <PageHead title="Quarantine">
        {data && (
          <span class="quiet num" role="status">
            {plural(data.total, 'record')}
          </span>
        )}
      </PageHead>
      <p class="lead">
        Records that this registry cannot read harm nobody: they are held and passed on as their
        owners wrote them, left out of answers, and read again after an upgrade, or when their owner
        writes them anew.
      </p>
      {error && <ErrorNotice error={error} onAgain={again} />}
      {data && <Unreachable what="quarantine" scopes={data.unreachable} />}
      {!data && !error && <Skeleton lines={5} />}
      {data && !error && owners.length === 0 && (
        <Empty title="Every record can be read.">
          <p>Nothing is held back from answers here.</p>
        </Empty>
      )}
      {owners.length > 0 && (
        <section class="panel" aria-label="Owners">
          <ul class="rows">
            {owners.map((owner) => (
              <li key={owner.owner}>
                <Owner row={owner} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {failure && <ErrorNotice error={failure} onAgain={showMore} />}
      {cursor !== undefined && (
        <button type="button" class="button" onClick={showMore}>
          More owners
        </button>
      )}
    </>
  )
}

/** One that came since the first page was asked for moves the others. */
function unique(owners: Page['owners']): Page['owners'] {
  return [...new Map(owners.map((row) => [row.owner, row])).values()]
}

function Owner({ row }: { readonly row: Page['owners'][number] }) {
  const { owner, since, why, key, records } = row
  const place = owner.slice(0, owner.lastIndexOf('/'))
  return (
    <a href={pathWith('/nodes', { place })} data-item>
      <b>{owner}</b>
      <span class="grow">
        {why} <code class="quiet">{key}</code>
      </span>
      <span class="num">{plural(records, 'record')}</span>
      <span class="quiet num">
        <Since at={since} />
      </span>
    </a>
  )
}
