/** Every bound of finding. What exceeds one is cut, never refused: people paste what they have. */
export const findLimits = {
  /** UTF-16 units of a query that are read. */
  textCharsMax: 2_000,
  /** Words of a query that are read. */
  wordsMax: 400,
  /** Different words of a query that are looked for: the most telling ones. */
  termsMax: 24,
  /** Spellings tried for one word of the query. */
  alternativesMax: 8,
  /** Words of a query that are corrected or completed. */
  correctionsMax: 6,
  /**
   * Once words that carry this share of what a question tells were walked, and so many servers
   * found, the remaining words only add to those: a third of the time of long questions.
   */
  tellingShare: 0.75,
  touchedMin: 200,
  limitDefault: 10,
  limitMax: 100,
  /** Capabilities named with a server in grouped results, and of one server in others. */
  unitsPerServerMax: 5,
  /** UTF-16 units of a hit's line. */
  lineCharsMax: 160,
  /**
   * Beyond so many servers only those that share a word with the query are compared by topic:
   * a comparison takes 0.1 µs, and so many servers hold every common word.
   */
  topicScanMax: 16_384,
  /** A word of no topic takes that of the servers that use it, if they are few enough. */
  contextServersMax: 64,
  /** Garbage, as a share of all postings, from which on `put` does a piece of the compaction. */
  garbageShareMax: 0.5,
  /** Room left by runs that moved, as a share, below which compaction need not begin. */
  wastedShareMax: 0.25,
  /** Postings copied, or words looked at, by one such piece. */
  compactWordsAtPut: 8_192,
} as const
