/** What rankings of many questions are worth, each figure a mean over the questions. */
export interface Quality {
  readonly questions: number
  readonly recall1: number
  readonly recall5: number
  readonly recall10: number
  /** Of the first relevant answer, among the first 100. */
  readonly mrr: number
  readonly ndcg10: number
}

/** The ranks, from 0, of the relevant answers found to one question, and how many there are. */
export interface Judged {
  readonly ranks: readonly number[]
  readonly relevant: number
}

/** Binary relevance. Recall@k is the share of a question's relevant answers among its first k. */
export function qualityOf(judged: readonly Judged[]): Quality {
  return {
    questions: judged.length,
    recall1: mean(judged, (one) => recall(one, 1)),
    recall5: mean(judged, (one) => recall(one, 5)),
    recall10: mean(judged, (one) => recall(one, 10)),
    mrr: mean(judged, ({ ranks }) => (ranks.length === 0 ? 0 : 1 / (Math.min(...ranks) + 1))),
    ndcg10: mean(judged, ({ ranks, relevant }) => gain(ranks) / gain([...Array(relevant).keys()])),
  }
}

/** Where the relevant stand in `answers`; an answer given twice counts once. */
export function judge(answers: readonly string[], relevant: ReadonlySet<string>): Judged {
  const ranks: number[] = []
  const seen = new Set<string>()
  for (const answer of answers) {
    if (seen.has(answer)) continue
    if (relevant.has(answer)) ranks.push(seen.size)
    seen.add(answer)
  }
  return { ranks, relevant: relevant.size }
}

function recall({ ranks, relevant }: Judged, at: number): number {
  return ranks.filter((rank) => rank < at).length / relevant
}

function gain(ranks: readonly number[]): number {
  return ranks.filter((rank) => rank < 10).reduce((sum, rank) => sum + 1 / Math.log2(rank + 2), 0)
}

function mean<T>(items: readonly T[], valueOf: (item: T) => number): number {
  return items.length === 0 ? 0 : items.reduce((sum, item) => sum + valueOf(item), 0) / items.length
}
