import { PageHead } from '../parts/notices.tsx'
import { useTitle } from '../parts/use-title.ts'

export function NodesPage() {
  useTitle('Nodes')
  return <PageHead title="Nodes" />
}
