import { PageHead } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'

export function EventsPage() {
  useTitle('Events')
  return <PageHead title="Events" />
}
