/**
 * Every failure that Meridian tells a caller about, in one table: what it means, the HTTP status
 * it becomes at the edge, and whether the same call may succeed later. `docs/errors.md` lists it.
 *
 * Branch on `code`, never on message text.
 */
export const errorTable = {
  invalid_json: { status: 400, retryable: false, meaning: 'The body is not JSON.' },
  invalid_request: {
    status: 400,
    retryable: false,
    meaning: 'A field is missing, unknown, of the wrong kind, or beyond its limit.',
  },
  invalid_query: {
    status: 400,
    retryable: false,
    meaning: 'The query text does not follow the query language; the position is given.',
  },
  invalid_message: {
    status: 400,
    retryable: false,
    meaning: 'A message between tiers cannot be read.',
  },
  unauthorized: { status: 401, retryable: false, meaning: 'A credential is needed.' },
  forbidden: { status: 403, retryable: false, meaning: 'The caller may not do this.' },
  not_found: { status: 404, retryable: false, meaning: 'There is no such thing here.' },
  method_not_allowed: {
    status: 405,
    retryable: false,
    meaning: 'The path exists, but not with this method.',
  },
  conflict: {
    status: 409,
    retryable: false,
    meaning: 'What is there stands against it, such as an id that is taken.',
  },
  payload_too_large: { status: 413, retryable: false, meaning: 'The body is over its limit.' },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    meaning: 'The body must be application/json.',
  },
  address_not_allowed: {
    status: 422,
    retryable: false,
    meaning: 'The operator does not allow probing that address.',
  },
  endpoint_unreachable: {
    status: 422,
    retryable: true,
    meaning: 'Nothing answers at the endpoint.',
  },
  endpoint_not_mcp: {
    status: 422,
    retryable: false,
    meaning: 'Something answers at the endpoint, but not MCP.',
  },
  endpoint_gated: {
    status: 422,
    retryable: false,
    meaning: 'The endpoint is alive but wants credentials, so it cannot be introspected.',
  },
  rate_limited: {
    status: 429,
    retryable: true,
    meaning: 'The caller asks too often; Retry-After says when to come again.',
  },
  internal: { status: 500, retryable: true, meaning: 'A fault of ours; the log has the details.' },
  no_responders: {
    status: 503,
    retryable: true,
    meaning: 'Nobody listens on the subject; the link or the tier is down.',
  },
  busy: {
    status: 503,
    retryable: true,
    meaning: 'More is asked at once than is answered at once; try again a little later.',
  },
  transport_closed: { status: 503, retryable: true, meaning: 'The connection is closed.' },
  deadline_exceeded: { status: 504, retryable: true, meaning: 'No answer within the deadline.' },
  owner_unreachable: {
    status: 504,
    retryable: true,
    meaning: 'Whoever alone can do this does not answer.',
  },
  storage_full: {
    status: 507,
    retryable: true,
    meaning: 'The disk has no room; nothing was kept.',
  },

  config_invalid: {
    status: 500,
    retryable: false,
    meaning: 'A setting is missing or wrong; every problem is listed.',
  },
  port_in_use: { status: 500, retryable: false, meaning: 'Another program listens on the port.' },
  data_unwritable: { status: 500, retryable: false, meaning: 'The data folder cannot be written.' },
  data_locked: {
    status: 500,
    retryable: false,
    meaning: 'Another process holds the database.',
  },
  data_damaged: { status: 500, retryable: false, meaning: 'The database fails its own check.' },
  data_newer: {
    status: 500,
    retryable: false,
    meaning: 'The database was written by a newer Meridian.',
  },
  transport_unreachable: {
    status: 500,
    retryable: true,
    meaning: 'No NATS server answers at the address.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>

export type ErrorCode = keyof typeof errorTable

/** One field that broke a rule: where it is, what it held (shortened), and the rule. */
export interface Violation {
  readonly field: string
  readonly value: string
  readonly problem: string
  /** Where in a text that was given as a whole, in UTF-16 units from 0. */
  readonly at?: number | undefined
}

/** A caller's mistake or an outside failure. Broken invariants are assertions, not this. */
export class MeridianError extends Error {
  override readonly name = 'MeridianError'
  readonly code: ErrorCode
  readonly violations: readonly Violation[]
  /** When the same call may succeed; undefined where nobody knows. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      cause?: unknown
      violations?: readonly Violation[]
      retryAfterMs?: number
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.violations = options.violations ?? []
    this.retryAfterMs = options.retryAfterMs
  }

  get status(): number {
    return errorTable[this.code].status
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

export function isMeridianError(error: unknown, code?: ErrorCode): error is MeridianError {
  return error instanceof MeridianError && (code === undefined || error.code === code)
}
