import { PageHead } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'

export function ExplainPage() {
  useTitle('Explain')
  return <PageHead title="Explain" />
}
