/**
 * What one query may ask for. Each limit has an error of its own, so that whoever meets it knows
 * which part of the query to make smaller.
 */
export const queryLimits = {
  /** Characters of query text: far above what people and models write, below a URL's 8 KB. */
  lengthMax: 4_096,
  /** Nesting of groups and NOTs. */
  depthMax: 16,
  /** Terms in one query. */
  termsMax: 64,
  /** Characters of one value; a resource's URI is the longest. */
  valueMax: 2_048,
  /**
   * Different indexed values that one `*` may stand for. Each is one list to merge: 4,096 lists
   * take about as long as reading the whole index, so a wider wildcard would only hide a scan.
   */
  wildcardTermsMax: 4_096,
} as const
