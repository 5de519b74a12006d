import { z } from 'zod'

/**
 * What operators have said about the whole node, those instances included that are registered
 * later. It outlasts restarts of the agent.
 */
export const nodeWordsSchema = z.object({
  drain: z
    .object({
      sinceWall: z.number(),
      reason: z.string(),
      /** It ends by itself after so long. */
      forMs: z.number().optional(),
    })
    .optional(),
  maintenance: z.object({ sinceWall: z.number(), reason: z.string() }).optional(),
})
export type NodeWords = z.infer<typeof nodeWordsSchema>

/** Errors of `save`: `storage_full`, `data_unwritable`. */
export interface NodeWordStore {
  load(): NodeWords
  save(words: NodeWords): void
}

/** The in-memory twin. */
export function createMemoryNodeWords(): NodeWordStore {
  let kept: NodeWords = {}
  return {
    load: () => kept,
    save(words) {
      kept = words
    },
  }
}
