import type { Definition, DefinitionId } from '../../model/index.ts'
import { flatAnswer, groupedAnswer, type RankedServer } from './answer.ts'
import { createBest } from './best.ts'
import { hitKinds, type HitKind } from './fields.ts'
import { grownFloat64, grownUint32 } from './growable.ts'
import { rangesIn, type FindHit, type Highlight, type Range } from './hit.ts'
import { findLimits } from './limits.ts'
import { createLengthSums, scaledBy } from './length-sums.ts'
import { createPostings, packServer, unitsMax } from './postings.ts'
import { readQuestion, type Sought } from './question.ts'
import {
  kindBit,
  readDefinition,
  serverFieldCount,
  unitFieldCount,
  type ReadDefinition,
} from './read-definition.ts'
import { asWhole, createServerTopics, createTopicSum } from './topic-vectors.ts'
import { defaultTopicSpace, type TopicSpace } from './topics/topic-space.ts'
import { compareText, createVocabulary } from './vocabulary.ts'
import { weights } from './weights.ts'

/**
 * Free text to servers and their capabilities, ranked.
 *
 * A server is scored as a whole: by its own fields (BM25F: a match in the name counts more than
 * one in the description, the third match of a word less than the first), by its capabilities
 * taken together, by its best capability, and by how close its topics lie to the question's. Its
 * capabilities then follow it in the answer, each the further behind the less of the question it
 * matches itself; when one matches better than the server's own text does, it leads.
 *
 *     question ─▶ terms ─▶ postings ─▶ per server: own fields + all capabilities + best capability
 *                  └────▶ topics ────▶ per server: closeness
 *
 * All figures that ranking uses (how many servers hold a word, how long fields are) are exact sums
 * over what is in the index now: one that changed equals one built afresh.
 */
export interface FindIndex {
  /** Adds a definition. One that is there already stays as it is: its id is its content. */
  put(id: DefinitionId, definition: Definition): void
  /** False when it was not there. */
  remove(id: DefinitionId): boolean
  has(id: DefinitionId): boolean
  /** Best first. Any text is a question; one without a word finds nothing. */
  find(text: string, options?: FindOptions): FindHit[]
  /**
   * Does a piece of the work that changes leave: true when none is left. A piece copies about
   * `wordsMax` numbers (8,192 take some 0.1 ms). Owners call it when idle, after a bulk load too;
   * `put` does a piece by itself when removals made half of the postings garbage.
   */
  compact(wordsMax?: number): boolean
  readonly size: number
  readonly memory: FindMemory
}

/** Bytes, definitions not included; strings and maps are estimates. */
export interface FindMemory {
  readonly postings: number
  readonly vocabulary: number
  readonly topics: number
  readonly servers: number
  readonly total: number
}

export interface FindOptions {
  /** Hits to return, 1 to 100. */
  readonly limit?: number
  /** One hit a server name, its best definition, with its best capabilities inside. */
  readonly groupByServer?: boolean
  /** Only hits of these kinds. Ignored when grouped: groups are servers. */
  readonly kinds?: readonly HitKind[]
  /** Which definitions may be found: filters of the query language come in here. */
  readonly accept?: (id: DefinitionId) => boolean
  /** The text is being typed: its last word may be unfinished. Default true. */
  readonly typing?: boolean
  /** Each hit with what its score is made of. */
  readonly explain?: boolean
}

export interface FindIndexOptions {
  /** What lies close to what; `createTopicSpace([])` for plain word matching. */
  readonly topics?: TopicSpace
}

interface Server extends Pick<ReadDefinition, 'unitCount' | 'kinds' | 'unitLengths' | 'words'> {
  readonly id: DefinitionId
  readonly definition: Definition
}

interface Ranked {
  readonly slot: number
  readonly server: Server
  readonly score: number
}

/** Terms that one capability adds to the postings, typically: for judging garbage only. */
const unitTermsTypical = 30
/** Definitions of one server name, its versions, that grouped results look through. */
const namesakesMax = 8
/** An object, two typed arrays and a map entry, as V8 has them. */
const serverObjectBytes = 320

/** Creates an empty index. */
export function createFindIndex({
  topics: space = defaultTopicSpace(),
}: FindIndexOptions = {}): FindIndex {
  const vocabulary = createVocabulary()
  const postings = createPostings()
  const topics = createServerTopics()
  const slotOf = new Map<DefinitionId, number>()
  const servers: (Server | undefined)[] = []
  const freeSlots: number[] = []
  /** Slots whose records may still be in the postings: those the running sweep clears, and later. */
  let clearing: number[] = []
  let dead: number[] = []
  let phase: 'idle' | 'postings' | 'vocabulary' = 'idle'
  let deadWords = 0
  let heldBytes = 0
  let unitTotal = 0
  let serverLengths = new Uint32Array(64 * serverFieldCount)
  const serverSums = createLengthSums(serverFieldCount)
  const unitSums = createLengthSums(unitFieldCount)

  // What a question writes while it is answered, kept to be used again.
  let claimed = new Uint32Array(64)
  let claim = 0
  let score = new Float64Array(64)
  let ownScore = new Float64Array(64)
  let covered = new Float64Array(64)
  let unitStart = new Uint32Array(64)
  let touchedAt = new Uint32Array(64)
  let unitScore = new Float64Array(256)
  let bestUnit = new Float64Array(64)
  let questions = 0

  function put(id: DefinitionId, definition: Definition): void {
    if (slotOf.has(id)) return
    if (deadWords > postings.words * findLimits.garbageShareMax) {
      compact(findLimits.compactWordsAtPut)
    }
    const slot = freeSlots.pop() ?? servers.length
    const read = readDefinition(definition, vocabulary, space)
    for (const [term, { fields, units }] of read.terms) {
      postings.append(term, slot, packServer(fields), units)
      vocabulary.retainTerm(term)
    }
    for (const word of read.words) vocabulary.retain(word)
    serverLengths = grownUint32(serverLengths, (slot + 1) * serverFieldCount)
    read.serverLengths.forEach((length, field) => {
      serverLengths[slot * serverFieldCount + field] = length
      serverSums.add(field, length)
    })
    read.unitLengths.forEach((length, at) => unitSums.add(at % unitFieldCount, length))
    topics.set(slot, read.topics)
    const { unitCount, kinds, unitLengths, words } = read
    servers[slot] = { id, definition, unitCount, kinds, unitLengths, words }
    heldBytes += unitLengths.byteLength + words.byteLength
    unitTotal += unitCount
    slotOf.set(id, slot)
  }

  function remove(id: DefinitionId): boolean {
    const slot = slotOf.get(id)
    const server = slot === undefined ? undefined : servers[slot]
    if (slot === undefined || server === undefined) return false
    const terms = new Set<number>()
    for (const word of server.words) {
      vocabulary.release(word)
      terms.add(vocabulary.termOfWord(word))
    }
    for (const term of terms) vocabulary.releaseTerm(term)
    for (let field = 0; field < serverFieldCount; field++) {
      serverSums.subtract(field, serverLengths[slot * serverFieldCount + field] ?? 0)
    }
    for (let at = 0; at < server.unitLengths.length; at++) {
      unitSums.subtract(at % unitFieldCount, server.unitLengths[at] ?? 0)
    }
    topics.clear(slot)
    slotOf.delete(id)
    servers[slot] = undefined
    dead.push(slot)
    // About what its records take: the exact number would need a walk through every run.
    deadWords += terms.size * 2 + server.unitCount * unitTermsTypical
    heldBytes -= server.unitLengths.byteLength + server.words.byteLength
    unitTotal -= server.unitCount
    return true
  }

  function compact(wordsMax: number = findLimits.compactWordsAtPut): boolean {
    if (phase === 'idle') {
      if (isTidy()) return true
      clearing = dead
      dead = []
      phase = 'postings'
    }
    if (phase === 'postings') {
      const isAlive = (slot: number) => servers[slot] !== undefined
      if (!postings.sweep(vocabulary.termCount, wordsMax, isAlive)) return false
      for (const slot of clearing) freeSlots.push(slot)
      clearing = []
      deadWords = 0
      phase = 'vocabulary'
      return false
    }
    if (!vocabulary.sweep(wordsMax, (term) => postings.drop(term))) return false
    phase = 'idle'
    return isTidy()
  }

  function isTidy(): boolean {
    const wastedMax = Math.max(
      postings.words * findLimits.wastedShareMax,
      findLimits.compactWordsAtPut,
    )
    return dead.length === 0 && postings.wasted <= wastedMax
  }

  /** Walks the postings of what is sought; scores are left in the arrays above. */
  function scoreByWords(sought: readonly Sought[], isFiltered: boolean): number[] {
    const touched: number[] = []
    const count = servers.length
    claimed = grownUint32(claimed, count)
    unitStart = grownUint32(unitStart, count)
    touchedAt = grownUint32(touchedAt, count)
    score = grownFloat64(score, count)
    ownScore = grownFloat64(ownScore, count)
    covered = grownFloat64(covered, count)
    bestUnit = grownFloat64(bestUnit, count)
    unitScore = grownFloat64(unitScore, unitTotal)
    let unitTop = 0
    if (claim > 0xffff_0000 || questions > 0xffff_0000) {
      claimed.fill(0)
      touchedAt.fill(0)
      claim = 0
      questions = 0
    }
    questions++
    const [s0, s1, s2, s3, s4] = scaledBy(weights.server, weights.serverLength, serverSums)
    const [u0, u1, u2, u3] = scaledBy(
      weights.unit,
      [weights.unitLength, weights.unitLength, weights.unitLength, weights.unitLength],
      unitSums,
    )
    const [any0, any1, any2, any3] = weights.anyUnit
    const k = weights.saturation
    const unitK = weights.unitSaturation
    const ownLengths = serverLengths

    const telling = sought.map(({ weight, alternatives }) => ({
      weight,
      alternatives,
      telling: weight * rarity(alternatives[0]?.term ?? -1),
    }))
    // The most telling first. Who has none of those is not among the best for what is left, which
    // is common words, where there are enough others. (How many of them a filter leaves is unknown.)
    telling.sort((a, b) => b.telling - a.telling)
    const total = telling.reduce((sum, one) => sum + one.telling, 0)
    const enough = isFiltered ? Infinity : total * findLimits.tellingShare
    let told = 0
    for (const { alternatives, weight, telling: own } of telling) {
      const isOpen = told < enough || touched.length < findLimits.touchedMin
      told += own
      claim++
      for (const { term, factor } of alternatives) {
        const weighed = weight * factor * rarity(term)
        const data = postings.arrayOf(term)
        const end = postings.endOf(term)
        for (let at = postings.startOf(term); at < end;) {
          const slot = data[at] as number
          const head = data[at + 1] as number
          const units = at + 2
          at = units + (head & unitsMax)
          const server = servers[slot]
          // The likeliest alternative that a server holds is the one that counts.
          if (server === undefined || claimed[slot] === claim) continue
          if (touchedAt[slot] !== questions) {
            if (!isOpen) continue
            touchedAt[slot] = questions
            touched.push(slot)
            score[slot] = 0
            ownScore[slot] = 0
            covered[slot] = 0
            bestUnit[slot] = 0
            unitStart[slot] = unitTop
            const unitEnd = unitTop + server.unitCount
            // Most have few: a call would cost more.
            for (; unitTop < unitEnd; unitTop++) unitScore[unitTop] = 0
          }
          claimed[slot] = claim
          const base = slot * serverFieldCount
          let owned = 0
          const name = head >>> 26
          const title = (head >>> 23) & 7
          const description = (head >>> 18) & 31
          const tags = (head >>> 15) & 7
          const instructions = (head >>> 10) & 31
          if (name > 0)
            owned += (s0.weight * name) / (s0.base + s0.slope * (ownLengths[base] as number))
          if (title > 0)
            owned += (s1.weight * title) / (s1.base + s1.slope * (ownLengths[base + 1] as number))
          if (description > 0)
            owned +=
              (s2.weight * description) / (s2.base + s2.slope * (ownLengths[base + 2] as number))
          if (tags > 0)
            owned += (s3.weight * tags) / (s3.base + s3.slope * (ownLengths[base + 3] as number))
          if (instructions > 0)
            owned +=
              (s4.weight * instructions) / (s4.base + s4.slope * (ownLengths[base + 4] as number))
          let any = 0
          const lengths = server.unitLengths
          const firstUnit = unitStart[slot] as number
          for (let i = units; i < at; i++) {
            const packed = data[i] as number
            const ordinal = packed >>> 22
            const l = ordinal * unitFieldCount
            const inName = (packed >>> 18) & 15
            const inDescription = (packed >>> 12) & 63
            const inArguments = (packed >>> 6) & 63
            const inTexts = packed & 63
            let f = 0
            if (inName > 0) {
              any += any0
              f += (u0.weight * inName) / (u0.base + u0.slope * (lengths[l] as number))
            }
            if (inDescription > 0) {
              any += any1
              f += (u1.weight * inDescription) / (u1.base + u1.slope * (lengths[l + 1] as number))
            }
            if (inArguments > 0) {
              any += any2
              f += (u2.weight * inArguments) / (u2.base + u2.slope * (lengths[l + 2] as number))
            }
            if (inTexts > 0) {
              any += any3
              f += (u3.weight * inTexts) / (u3.base + u3.slope * (lengths[l + 3] as number))
            }
            const u = firstUnit + ordinal
            const matched = (unitScore[u] as number) + (weighed * f * (unitK + 1)) / (f + unitK)
            unitScore[u] = matched
            if (matched > (bestUnit[slot] as number)) bestUnit[slot] = matched
          }
          const f = any > 0 ? owned + any / Math.sqrt(server.unitCount) : owned
          score[slot] = (score[slot] as number) + (weighed * f * (k + 1)) / (f + k)
          ownScore[slot] = (ownScore[slot] as number) + (weighed * owned * (k + 1)) / (owned + k)
          covered[slot] = (covered[slot] as number) + weighed
        }
      }
    }
    return touched
  }

  /** BM25's inverse document frequency, a server being a document; never negative. */
  function rarity(term: number): number {
    const holding = term < 0 ? 0 : vocabulary.servers(term)
    return Math.log(1 + (slotOf.size - holding + 0.5) / (holding + 0.5))
  }

  /** What a server has that holds every word. */
  function totalOf(sought: readonly Sought[]): number {
    let total = 0
    for (const { weight, alternatives } of sought)
      total += weight * rarity(alternatives[0]?.term ?? -1)
    return total
  }

  /** The question's place among the topics; a word of none is placed by the servers that use it. */
  function topicsOf(sought: readonly Sought[]): Float64Array {
    const sum = createTopicSum(space)
    for (const { text, weight, alternatives } of sought) {
      const term = alternatives[0]?.term ?? -1
      const name = term < 0 ? text : vocabulary.termText(term)
      if (space.rowOf(name) >= 0) {
        sum.add(name, weight)
        continue
      }
      const holding = term < 0 ? 0 : vocabulary.servers(term)
      if (holding === 0 || holding > findLimits.contextServersMax) continue
      const context = topics.contextOf(holders(term), slotOf.size)
      sum.addVector(
        context,
        weight * weights.context * (holding / (holding + weights.contextDoubt)),
      )
    }
    return sum.vector()
  }

  function holders(term: number): number[] {
    const data = postings.arrayOf(term)
    const slots: number[] = []
    const end = postings.endOf(term)
    for (let at = postings.startOf(term); at < end;) {
      const slot = data[at] as number
      if (servers[slot] !== undefined) slots.push(slot)
      at += 2 + ((data[at + 1] as number) & unitsMax)
    }
    return slots
  }

  function find(text: string, options: FindOptions = {}): FindHit[] {
    const { groupByServer = false, accept, typing = true, explain = false } = options
    const limit = Math.max(
      1,
      Math.min(Math.trunc(options.limit ?? findLimits.limitDefault) || 1, findLimits.limitMax),
    )
    const sought = mostTelling(readQuestion(text, vocabulary, typing))
    if (sought.length === 0 || slotOf.size === 0) return []
    const touched = scoreByWords(sought, accept !== undefined || options.kinds !== undefined)
    const kinds = new Set(groupByServer ? hitKinds : (options.kinds ?? hitKinds))
    const ranked = rank(sought, touched, {
      limit: groupByServer ? limit * namesakesMax : limit,
      accept: (id) => accept?.(id) ?? true,
      kinds: [...kinds].reduce((bits, kind) => bits | kindBit(kind), 0),
    })
    const highlight = highlighter(sought)
    const total = totalOf(sought)
    const results = ranked.map((one) => matchesOf(one, explain ? total : undefined))
    return groupByServer
      ? groupedAnswer(results, limit, highlight)
      : flatAnswer(results, limit, kinds, highlight)
  }

  /** Hits of one server share its name, and many servers their tools' names: each is read once. */
  function highlighter(sought: readonly Sought[]): Highlight {
    const isMatch = matcher(sought)
    const known = new Map<string, readonly Range[]>()
    return (text) => {
      let ranges = known.get(text)
      if (ranges === undefined) {
        ranges = rangesIn(text, isMatch)
        known.set(text, ranges)
      }
      return ranges
    }
  }

  /** Tells the words that were looked for, however they are spelt. */
  function matcher(sought: readonly Sought[]): (word: string) => boolean {
    const terms = new Set(
      sought.flatMap(({ alternatives }) => alternatives.map(({ term }) => term)),
    )
    // A term begins as its words do: most words need not be looked up.
    const initials = new Set<number>()
    for (const term of terms) initials.add(vocabulary.termText(term).charCodeAt(0))
    return (word) => initials.has(word.charCodeAt(0)) && terms.has(vocabulary.termOfSpelling(word))
  }

  function mostTelling(sought: readonly Sought[]): Sought[] {
    if (sought.length <= findLimits.termsMax) return [...sought]
    return sought
      .map((one, at) => ({
        one,
        at,
        telling: one.weight * rarity(one.alternatives[0]?.term ?? -1),
      }))
      .filter(({ one }) => one.alternatives.length > 0)
      .sort((a, b) => b.telling - a.telling || a.at - b.at)
      .slice(0, findLimits.termsMax)
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one)
  }

  /** The best `limit` servers, best first. */
  function rank(
    sought: readonly Sought[],
    touched: readonly number[],
    wanted: { limit: number; accept: (id: DefinitionId) => boolean; kinds: number },
  ): Ranked[] {
    const total = totalOf(sought)
    const place = asWhole(topicsOf(sought))
    const hasPlace = place.some((value) => value !== 0)
    const topicWeight = weights.topic * Math.log(1 + slotOf.size)
    const best = createBest(wanted.limit, compareRanked)
    const isWanted = (server: Server) =>
      (server.kinds & wanted.kinds) !== 0 && wanted.accept(server.id)
    const offer = (slot: number, server: Server, value: number) => {
      if (value < (best.last()?.score ?? 0)) return
      const one = { slot, server, score: value }
      if (best.admits(one) && isWanted(server)) best.add(one)
    }
    const offerTouched = (slot: number, server: Server) => {
      const close = hasPlace ? topics.closeness(slot, place) : 0
      offer(slot, server, (score[slot] as number) + topicWeight * close)
    }

    // Comparing topics is most of the work. Whoever is good by words alone goes first; then
    // nobody need be compared whom the closest of topics would not bring among the best.
    const promising = createBest<number>(
      wanted.limit,
      (a, b) => (score[b] as number) - (score[a] as number) || a - b,
    )
    for (const slot of touched) {
      const server = servers[slot]
      if (server === undefined) continue
      const byWords = (score[slot] as number) + weights.bestUnit * (bestUnit[slot] as number)
      const share = Math.min(1, (covered[slot] as number) / total)
      // To the power of a quarter, which costs a tenth of what `**` does.
      score[slot] = byWords * Math.sqrt(Math.sqrt(share))
      if (promising.admits(slot) && isWanted(server)) promising.add(slot)
    }
    claim++
    for (const slot of promising.sorted()) {
      const server = servers[slot]
      if (server === undefined) continue
      claimed[slot] = claim
      offerTouched(slot, server)
    }
    for (const slot of touched) {
      const server = servers[slot]
      if (server === undefined || claimed[slot] === claim) continue
      if ((score[slot] as number) + topicWeight < (best.last()?.score ?? 0)) continue
      offerTouched(slot, server)
    }
    const isAloneEnough = topicWeight >= (best.last()?.score ?? 0)
    if (hasPlace && isAloneEnough && slotOf.size <= findLimits.topicScanMax) {
      for (let slot = 0; slot < servers.length; slot++) {
        const server = servers[slot]
        if (server === undefined || touchedAt[slot] === questions) continue
        const close = topics.closeness(slot, place)
        if (close >= weights.topicAloneMin) offer(slot, server, topicWeight * close)
      }
    }
    return best.sorted()
  }

  /** `total`: of the whole question, where it is to be said what the score is made of. */
  function matchesOf(
    { slot, server, score: value }: Ranked,
    total: number | undefined,
  ): RankedServer {
    const isTouched = touchedAt[slot] === questions
    const start = unitStart[slot] as number
    const words = isTouched ? (score[slot] as number) : 0
    const share = isTouched && total ? Math.min(1, (covered[slot] as number) / total) : 0
    return {
      id: server.id,
      definition: server.definition,
      score: value,
      factors: total === undefined ? undefined : { words, covered: share, topics: value - words },
      ownMatch: isTouched ? (ownScore[slot] as number) : 0,
      matchOf: (unit) => (isTouched ? (unitScore[start + unit] as number) : 0),
      unitCount: server.unitCount,
    }
  }

  return {
    put,
    remove,
    has: (id) => slotOf.has(id),
    find,
    compact,
    get size() {
      return slotOf.size
    },
    get memory() {
      const parts = {
        postings: postings.bytes,
        vocabulary: vocabulary.bytes,
        topics: topics.bytes,
        servers: heldBytes + serverLengths.byteLength + slotOf.size * serverObjectBytes,
      }
      return { ...parts, total: parts.postings + parts.vocabulary + parts.topics + parts.servers }
    },
  }
}

/** Ties by name and id, never by when something was added. */
function compareRanked(a: Ranked, b: Ranked): number {
  return (
    b.score - a.score ||
    compareText(a.server.definition.name, b.server.definition.name) ||
    compareText(a.server.id, b.server.id)
  )
}
