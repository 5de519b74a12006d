import { MeridianError } from '@meridian/shared'

/** What whoever asks may do; the agent itself, and what it reads from its own folders, may all. */
export interface Rights {
  /** For messages. */
  readonly name: string
  mayRegister(serverName: string): boolean
  /** Whoever may have commands run may do whatever the agent's user may. */
  mayRunCommands(): boolean
}

/** Errors: `forbidden`. */
export function refuseName(rights: Rights | undefined, serverName: string): void {
  if (rights === undefined || rights.mayRegister(serverName)) return
  throw new MeridianError(
    'forbidden',
    `${rights.name} may not register ${serverName}: no scope of it, register:<beginning of the name>, fits`,
  )
}

/** Errors: `forbidden`. */
export function refuseCommand(rights: Rights | undefined): void {
  if (rights === undefined || rights.mayRunCommands()) return
  throw new MeridianError(
    'forbidden',
    `${rights.name} may not have commands run: that takes the scope operate beside register:…`,
  )
}
