import type { Capabilities, DefinitionInput, JsonObject } from '@meridian/shared'
import { limits } from '@meridian/shared'

/** What a running MCP server says of itself. */
export interface Introspection {
  /** As the server gave it; a modern server may stay anonymous. */
  readonly serverInfo: {
    readonly name?: string
    readonly version?: string
    readonly title?: string
    readonly description?: string
  }
  /** The revision that was negotiated, such as `2025-11-25`. */
  readonly protocol: string
  /** `modern`: 2026-07-28 and later, without sessions. A verdict to be dated: servers upgrade. */
  readonly era: 'modern' | 'legacy'
  /**
   * A modern server's own answer to `server/discover`; handing it back as the SDK's `prior` saves
   * the probe at the next visit.
   */
  readonly discover?: JsonObject
  readonly instructions?: string
  /** In the order of their names, whatever the server's order. */
  readonly capabilities: Capabilities
  /** Which lists the server promises to announce changes of. */
  readonly listChanged: {
    readonly tools: boolean
    readonly resources: boolean
    readonly prompts: boolean
  }
  /** The strictest of all lists. Absent from servers older than 2026-07-28, which do not say. */
  readonly cacheScope?: 'public' | 'private'
  /** The shortest of all lists, in ms. Absent from servers older than 2026-07-28. */
  readonly ttlMs?: number
  /** SHA-256 of the canonical JSON of `capabilities`: equal hash, nothing changed. */
  readonly listHash: string
  /** Valid; the registrant may still add tags before it is named by its hash. */
  readonly definitionInput: DefinitionInput
}

export interface IntrospectionLimits {
  /** All answers together, in bytes. */
  readonly bytesMax: number
  /** Pages over all lists. */
  readonly pagesMax: number
  /** Tools, resources, templates and prompts together. */
  readonly itemsMax: number
}

/**
 * - bytes: 32 times the largest definition that is kept, because MCP lists also carry what the
 *   registry drops (icons as data URIs, `_meta`).
 * - pages: as many as items, for servers that serve one item a page.
 */
export const introspectionLimits: IntrospectionLimits = {
  bytesMax: 16 * 1024 * 1024,
  pagesMax: limits.capabilitiesMax,
  itemsMax: limits.capabilitiesMax,
}

/** Long enough for a server that starts on demand; short enough for a person who waits. */
export const introspectionDeadlineMs = 10_000
