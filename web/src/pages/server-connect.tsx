import type { Definition, InstancesPage, InstanceView } from '@meridian/shared'
import { useState } from 'preact/hooks'
import { pathWith } from '../api/client.ts'
import { useResource } from '../api/resource.ts'
import {
  bestOf,
  configsOf,
  curlOf,
  installLinksOf,
  lookupCurlOf,
  reachOf,
  type Reach,
} from '../model/client-config.ts'
import { CopyBlock } from '../parts/copy.tsx'
import { termOf } from './search-terms.ts'

interface ServerConnectProps {
  readonly name: string
  readonly serverJson: Definition['serverJson']
}

/** Whoever calls it now is sent away, though its address holds. */
const isResting = ({ standing }: InstanceView) => standing === 'gated' || standing === 'draining'

/** Among these the best is sought. */
const instancesMax = 50

/** How clients are told of a server, ready to be copied. */
export function ServerConnect({ name, serverJson }: ServerConnectProps) {
  const { data } = useResource<InstancesPage>(
    pathWith('/v1/instances', { q: termOf('server', name), limit: instancesMax }),
  )
  const instance = bestOf(data?.instances ?? [])
  const reach: Reach | undefined = instance
    ? { kind: 'url', ...instance.endpoint }
    : reachOf(serverJson)
  const configs = [
    ...(reach ? configsOf(name, reach) : []),
    {
      client: 'curl',
      file: 'in a terminal: where it is now, then a first call',
      text: [
        lookupCurlOf(location.origin, name),
        ...(reach?.kind === 'url' ? [curlOf(reach.url)] : []),
      ].join('\n\n'),
    },
  ]
  const [client, setClient] = useState('VS Code')
  const install = reach && installLinksOf(name, reach).find((link) => link.client === client)
  const shown = configs.find((config) => config.client === client) ?? configs[0]
  return (
    <section class="panel" aria-labelledby="connect">
      <h2 id="connect">Connect</h2>
      <div class="panel-body">
        <p class="chips" role="group" aria-label="Client">
          {configs.map((config) => (
            <button
              key={config.client}
              type="button"
              class="chip"
              aria-pressed={config === shown}
              onClick={() => setClient(config.client)}
            >
              {config.client}
            </button>
          ))}
        </p>
        {shown && (
          <>
            <p class="quiet">{shown.file}</p>
            <CopyBlock text={shown.text} label={`the configuration for ${shown.client}`} />
            {install && (
              <p>
                <a href={install.href}>Install it in {install.client}</a>
              </p>
            )}
          </>
        )}
        {instance && (
          <p class="quiet">
            {isResting(instance) && `It takes no new work now (${instance.standing}). `}
            The address is that of one instance, <code>{instance.instance}</code> at{' '}
            {instance.locality}. Clients that ask an agent follow the others when it goes.
          </p>
        )}
        {data && !reach && (
          <p class="quiet">
            {data.instances.length > 0
              ? 'What runs of it is not well, and its publisher names no package.'
              : 'Nobody runs it, and its publisher names no package.'}
          </p>
        )}
      </div>
    </section>
  )
}
