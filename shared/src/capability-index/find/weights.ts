/**
 * Every tuned number of ranking, in one place. Chosen on one half of the labelled questions of
 * two public sets (split by a hash of the question's id), the same for both sets, and checked on
 * the other half; `bench/find` measures them again. The optimum is flat: half or double of any
 * one of them costs less than .01 NDCG@10.
 */
export const weights = {
  /** A match in a field of the server itself: name, title, description, tags, instructions. */
  server: [1.5, 1, 0.56, 4, 0.1],
  /** How far a long field is discounted, 0 not at all to 1 in proportion. Tags are a list. */
  serverLength: [0.6, 0.3, 0.33, 0, 0.75],
  /**
   * A match in the server's capabilities taken together: name, description, arguments, their
   * texts. Counted in capabilities, and divided by the root of how many there are, or servers of
   * a hundred tools would match every question.
   */
  anyUnit: [1.2, 0.05, 0.27, 0.08],
  /** More of the same term in a server gives less and less (BM25's k1). */
  saturation: 2,

  /** A match in one capability, by the same fields. */
  unit: [1.5, 1, 0.8, 0.6],
  unitLength: 0.125,
  unitSaturation: 1.2,
  /** What the best capability adds to its server. */
  bestUnit: 0.27,

  /** Closeness of topic, times the logarithm of the number of servers, as rarity grows with it. */
  topic: 1.58,
  /** A word of no topic, placed by its company: less sure, the fewer servers use it. */
  context: 0.5,
  contextDoubt: 3,
  /** A server that shares no word with the question must be this close in topic. */
  topicAloneMin: 0.4,
  /** A server's vector: its own words against all of its words. */
  topicOwnShare: 0.6,
  /** Repeated words of a question count less each time. */
  repetition: 0.33,

  /** Query words by class. */
  content: 1,
  generic: 0.8,
  courtesy: 0.2,
  /** Parts of an identifier that is known as a whole. */
  part: 0.4,
  /** Neighbouring words of the question that somebody writes as one. */
  joined: 0.5,
  /** A word that the typed one may become; the more of it is typed, the surer. */
  completion: 0.6,
  /** A known word is most likely meant as it stands. */
  completionOfKnown: 0.2,
  /** A word that the typed one may be a slip of, by the number of slips. */
  slip: [0, 0.7, 0.4],

  /** How much a hit falls behind its server's best, by what it matches less. */
  behind: 0.5,
} as const
