import type { IdentifiedDefinition } from '@meridian/shared'

/** What answers questions. Names are those of the definitions; a tool is `server name` NUL `tool`. */
export interface Engine {
  readonly name: string
  /** Names of servers, best first, at most `answersMax`. */
  servers(question: string): string[]
  /** Keys of tools, best first, at most `answersMax`. */
  tools(question: string): string[]
  /** What a person would be shown: ten answers of any kind. The one that is timed. */
  show(question: string): void
  /** Bytes of the index, where the engine knows. */
  readonly bytes?: number
}

export type MakeEngine = (
  definitions: readonly IdentifiedDefinition[],
  /** In the index, but no answer. */
  background: readonly IdentifiedDefinition[],
) => Engine

export const answersMax = 100
export const toolKey = (server: string, tool: string) => `${server}\0${tool}`
