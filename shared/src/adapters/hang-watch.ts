import { Worker } from 'node:worker_threads'
import { z } from 'zod'

/** Every number that a hang is judged by. */
const hangLimits = {
  secondsDefault: 60,
  secondsMax: 3_600,
  /** Looks until a loop counts as hung: a process that was stopped, or its host, gets them all anew. */
  looks: 20,
  /** Of the thread that looks: it runs nothing but that. */
  memoryMiB: 8,
} as const

const hangRule = `must be a whole number of seconds from 0 to ${hangLimits.secondsMax}`

/** For how long an event loop may stand still before the process is ended; part of each schema. */
export const hangEnvironment = {
  MERIDIAN_HANG_SECONDS: z
    .string()
    .regex(/^\d{1,4}$/, hangRule)
    .transform(Number)
    .refine((seconds) => seconds <= hangLimits.secondsMax, hangRule)
    .default(hangLimits.secondsDefault),
}

export interface HangWatchOptions {
  /** As its log names it. */
  readonly program: string
  /** 0: nobody looks. */
  readonly hangMs: number
  /** The thread is not there, or has ended: nobody looks any more. */
  readonly onFailure: (error: Error) => void
}

export interface HangWatch {
  /** From then on a hang is seen. */
  readonly isOn: Promise<void>
  stop(): void
}

/**
 * Ends the process, as kill -9 does, when its event loop has not turned for so long: a program that
 * hangs answers nobody and lets nobody else answer, and whoever runs it starts it anew. The loop
 * itself cannot tell, so a thread looks whether it still counts; it counts its own looks, not time, and
 * nothing happens to a process that was stopped for hours and goes on.
 * The thread keeps no process alive.
 */
export function watchForHang({ program, hangMs, onFailure }: HangWatchOptions): HangWatch {
  if (hangMs === 0) return { isOn: Promise.resolve(), stop: () => undefined }
  const lookEveryMs = hangMs / hangLimits.looks
  const turns = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => Atomics.add(turns, 0, 1), lookEveryMs / 2)
  timer.unref()
  const watcher = new Worker(watching, {
    eval: true,
    // Not those of the program, which may say that texts are modules.
    execArgv: [],
    name: 'hang-watch',
    workerData: { turns, lookEveryMs, looks: hangLimits.looks, hangMs, program },
    resourceLimits: { maxOldGenerationSizeMb: hangLimits.memoryMiB, maxYoungGenerationSizeMb: 1 },
  })
  watcher.unref()
  // Without the thread all is as it was before there was one.
  const isOn = new Promise<void>((resolve) => {
    watcher.once('online', resolve)
  })
  watcher.on('error', (error: Error) => {
    clearInterval(timer)
    onFailure(error)
  })
  return {
    isOn,
    stop() {
      clearInterval(timer)
      void watcher.terminate()
    },
  }
}

/** What the thread runs: a text, so that sources and build are started in the same way. */
const watching = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const { turns, lookEveryMs, looks, hangMs, program } = workerData
let last = Atomics.load(turns, 0)
let left = looks
setInterval(() => {
  const now = Atomics.load(turns, 0)
  left = now === last ? left - 1 : looks
  last = now
  if (left > 0) return
  const time = new Date().toISOString()
  const msg = 'the event loop hangs; ending'
  const told = { level: 'fatal', time, pid: process.pid, name: program, hangMs, msg }
  // Through the main thread, as everything else of a worker goes, nothing would be told.
  try {
    writeSync(2, JSON.stringify(told) + '\\n')
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}, lookEveryMs)
`
