import { Empty, PageHead } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'

export function NotFoundPage() {
  useTitle('Not found')
  return (
    <>
      <PageHead title="Not found" />
      <Empty title="The console has no such page.">
        <p>
          <a href="/">The overview</a> leads everywhere.
        </p>
      </Empty>
    </>
  )
}
