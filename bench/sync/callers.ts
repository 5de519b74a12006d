import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type CallersTask =
  | {
      /** One registration a request, or a thousand. */
      readonly kind: 'single' | 'bulk'
      readonly url: string
      /** Who call at the same time. */
      readonly lanes: number
      /** Definitions that the instances have between them. */
      readonly servers: number
      readonly forMs: number
      /** Of the ids: no two tasks may have the same. */
      readonly prefix: string
    }
  | {
      /** Registers with one agent and asks another until it is told. */
      readonly kind: 'see'
      readonly from: string
      readonly to: string
      readonly samples: number
      readonly firstServer: number
      /** How long a lookup may take. */
      readonly patientMs: number
    }

export interface CallersReport {
  /** Milliseconds that each request took, or until each registration was seen. */
  readonly times: readonly number[]
  /** Where something is to be seen: until its registration was answered. */
  readonly answered?: readonly number[]
  readonly ms: number
  /** CPU time of the callers' own process. */
  readonly cpuMs: number
}

export interface Callers {
  perform(task: CallersTask): Promise<CallersReport>
  close(): Promise<void>
}

/** Starts the callers' program. */
export function startCallers(): Callers {
  const child: ChildProcess = fork(
    fileURLToPath(new URL('callers-program.ts', import.meta.url)),
    [],
    { execArgv: ['--conditions=@meridian/source'] },
  )
  let reply: ((said: Said) => void) | undefined
  child.on('message', (said: Said) => reply?.(said))
  child.on('exit', () => reply?.({ failure: 'the callers have ended' }))
  return {
    async perform(task) {
      const said = await new Promise<Said>((resolve) => {
        reply = resolve
        child.send(task)
      })
      if (said.report) return said.report
      throw new Error(said.failure)
    },
    async close() {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

/** What the program says of a task. */
interface Said {
  readonly report?: CallersReport
  readonly failure?: string
}
