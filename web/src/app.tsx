import { LocationProvider, Route, Router } from 'preact-iso'
import { EventsPage } from './pages/events.tsx'
import { ExplainPage } from './pages/explain.tsx'
import { NodesPage } from './pages/nodes.tsx'
import { NotFoundPage } from './pages/not-found.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { QuarantinePage } from './pages/quarantine.tsx'
import { SearchPage } from './pages/search.tsx'
import { ServerPage } from './pages/server.tsx'
import { Shell } from './shell/shell.tsx'

/** Pages by address; a registry answers each of these addresses with this document. */
export function App() {
  return (
    // The API's own pages are not ours to show.
    <LocationProvider scope={/^\/(?!docs|v\d|openapi|metrics)/}>
      <Shell>
        <Router>
          <Route path="/" component={OverviewPage} />
          <Route path="/search" component={SearchPage} />
          <Route path="/servers/:name+" component={ServerPage} />
          <Route path="/explain" component={ExplainPage} />
          <Route path="/events" component={EventsPage} />
          <Route path="/nodes" component={NodesPage} />
          <Route path="/quarantine" component={QuarantinePage} />
          <Route default component={NotFoundPage} />
        </Router>
      </Shell>
    </LocationProvider>
  )
}
