/** What the doctor found at one place. */
export interface Finding {
  readonly check:
    'configuration' | 'access' | 'port' | 'nats' | 'zone' | 'clock' | 'database' | 'services'
  /** `skipped`: something else stands in the way of looking. */
  readonly state: 'ok' | 'warning' | 'problem' | 'skipped'
  readonly found: string
  /** Absent where there is nothing to do. */
  readonly todo?: string
}

/** The error as one sentence, for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
