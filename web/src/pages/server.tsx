import { PageHead } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'

export function ServerPage() {
  useTitle('Server')
  return <PageHead title="Server" />
}
