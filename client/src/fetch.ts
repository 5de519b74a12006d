/**
 * For any runtime that has `fetch`: nothing of Node.js is loaded. The process's end is yours to
 * announce: call `drain` or `close`.
 */
import {
  startAdvertising,
  type Advertisement,
  type AdvertiseOptions,
} from './advertise/advertisement.ts'
import type { AdvertisedServer } from './advertise/sdk-server.ts'

export type {
  Advertisement,
  AdvertisementState,
  AdvertiseOptions,
} from './advertise/advertisement.ts'
export type { AdvertisedServer, SdkServer } from './advertise/sdk-server.ts'

/** As `advertise` of `@meridian/client`, without an ear for signals. */
export function advertise<Server extends AdvertisedServer>(
  server: Server,
  options: AdvertiseOptions,
): Advertisement<Server> {
  return startAdvertising(server, options)
}
