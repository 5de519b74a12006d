import type { Clock, Log, Random, Services } from '@meridian/shared'
import type { Keeper } from '../keeper.ts'
import type { ServiceFolder } from './folder.ts'
import { ServiceFiles } from './service-files.ts'

export const noServices: Services = { state: 'off', files: [] }

/** Registers what the folder's files ask for with the node's registrar. */
export function createServiceFiles(
  folder: ServiceFolder,
  { registrar }: Keeper,
  ports: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): ServiceFiles {
  return new ServiceFiles({
    ...ports,
    folder,
    registry: {
      register: (id, registration, source) => registrar.register(id, registration, { source }),
      remove: (id, file) => registrar.remove(id, (row) => row.source?.file === file),
      sourceOf: (id) => registrar.instances.get(id)?.source,
      *registered() {
        for (const { spec, source } of registrar.instances.rows()) {
          if (source) yield { id: spec.id, source }
        }
      },
    },
  })
}
