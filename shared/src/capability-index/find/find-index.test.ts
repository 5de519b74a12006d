import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identifyDefinition, limits, type DefinitionInput } from '../../model/index.ts'
import { createFindIndex, type FindIndex, type FindOptions } from './find-index.ts'
import { findLimits } from './limits.ts'
import { createTopicSpace } from './topics/topic-space.ts'

type Draft = Partial<DefinitionInput> & { name: string }

const described = (draft: Draft) => identifyDefinition({ version: '1.0.0', ...draft })

function tools(...entries: (string | [name: string, description: string])[]) {
  const list = entries.map((entry) =>
    typeof entry === 'string' ? { name: entry } : { name: entry[0], description: entry[1] },
  )
  return { tools: list }
}

const flights = described({
  name: 'io.github.acme/flights',
  title: 'Acme Flights',
  description: 'Search and book airline tickets worldwide.',
  tags: ['travel', 'aviation'],
  capabilities: {
    ...tools(
      ['search_flights', 'Find flights between two airports on a date.'],
      ['book_flight', 'Book a seat on a flight.'],
    ),
    prompts: [{ name: 'plan_trip', description: 'Plan a trip with several stops.' }],
    resources: [{ uri: 'airports://codes', name: 'Airport codes' }],
  },
})
const weather = described({
  name: 'io.github.acme/weather',
  description: 'Forecasts for any place on Earth.',
  tags: ['weather'],
  capabilities: {
    tools: [
      {
        name: 'getForecast',
        description: 'Temperature and rain for the next days.',
        inputSchema: {
          type: 'object',
          properties: { latitude: { description: 'Degrees north' }, longitude: {} },
        },
      },
    ],
  },
})
const mail = described({
  name: 'com.example/mail',
  description: 'Reads and sends messages of a mailbox.',
  capabilities: tools(['send_message', 'Send an e-mail to somebody.'], 'list_folders'),
})
const everything = [flights, weather, mail]

function indexOf(...definitions: readonly (typeof flights)[]): FindIndex {
  const index = createFindIndex()
  for (const { id, definition } of definitions) index.put(id, definition)
  return index
}

const names = (index: FindIndex, text: string, options?: FindOptions) =>
  index.find(text, options).map(({ name }) => name)

describe('find', () => {
  const index = indexOf(...everything)

  it('puts the capability that matches best first, and says where it is', () => {
    const [first] = index.find('search flights')
    expect(first).toMatchObject({
      definitionId: flights.id,
      server: 'io.github.acme/flights',
      version: '1.0.0',
      kind: 'tool',
      name: 'search_flights',
      line: 'Find flights between two airports on a date.',
    })
  })

  it('finds a tool by its exact name before any that shares its words', () => {
    const many = indexOf(
      described({ name: 'a.b/forms', capabilities: tools('list', 'forms', 'create_form') }),
      described({ name: 'a.b/x', capabilities: tools('list_forms', 'other', 'another') }),
    )
    expect(names(many, 'list_forms', { kinds: ['tool'] })[0]).toBe('list_forms')
    expect(names(many, 'list-forms', { kinds: ['tool'] })[0]).toBe('list_forms')
  })

  it('finds servers by title, tag and description', () => {
    for (const text of ['acme flights', 'aviation', 'airline tickets']) {
      expect(index.find(text, { groupByServer: true })[0]?.name).toBe('io.github.acme/flights')
    }
  })

  it('finds by argument names and their descriptions', () => {
    expect(names(index, 'longitude', { kinds: ['tool'] })).toEqual(['getForecast'])
    expect(names(index, 'degrees north', { kinds: ['tool'] })[0]).toBe('getForecast')
  })

  it('finds prompts and resources, by their names and texts', () => {
    expect(index.find('several stops', { kinds: ['prompt'] })[0]).toMatchObject({
      kind: 'prompt',
      name: 'plan_trip',
    })
    expect(index.find('airport codes', { kinds: ['resource'] })[0]).toMatchObject({
      kind: 'resource',
      name: 'airports://codes',
      title: 'Airport codes',
    })
  })

  it('does not mind the form of a word, nor the words around what is asked', () => {
    expect(names(index, 'Could you please kindly help me with booking a flight?')[0]).toBe(
      'book_flight',
    )
  })

  it('finds what shares no word but the topic', () => {
    const hits = index.find('will there be a storm with heavy snow', { groupByServer: true })
    expect(hits[0]?.name).toBe('io.github.acme/weather')
    const plain = createFindIndex({ topics: createTopicSpace([]) })
    for (const { id, definition } of everything) plain.put(id, definition)
    expect(plain.find('storm with heavy snow')).toEqual([])
  })

  it('prefers a match in the name to one in the description', () => {
    const two = indexOf(
      described({ name: 'a.b/one', description: 'A calendar for the office' }),
      described({ name: 'a.b/calendar', description: 'One thing for the office' }),
    )
    expect(names(two, 'calendar', { groupByServer: true })).toEqual(['a.b/calendar', 'a.b/one'])
  })

  it('does not let a server win by the number of its tools', () => {
    const filler = Array.from({ length: 60 }, (_, i) => `invoice_thing_${i}`)
    const two = indexOf(
      described({ name: 'a.b/suite', capabilities: tools(...filler) }),
      described({ name: 'a.b/invoices', capabilities: tools('create_invoice') }),
    )
    expect(names(two, 'invoice', { groupByServer: true })[0]).toBe('a.b/invoices')
  })

  it('finds grammar where it is a name', () => {
    const one = indexOf(described({ name: 'a.b/c', capabilities: tools('get_me', 'list_all') }))
    expect(names(one, 'get me')[0]).toBe('get_me')
  })

  it('finds nothing for a text without words, and in an empty index', () => {
    expect(index.find('')).toEqual([])
    expect(index.find(' …!? ')).toEqual([])
    expect(createFindIndex().find('flights')).toEqual([])
  })
})

describe('find while somebody types', () => {
  const index = indexOf(...everything)

  it('completes the last word', () => {
    expect(names(index, 'search flig')[0]).toBe('search_flights')
    expect(index.find('forec')[0]?.server).toBe('io.github.acme/weather')
  })

  it('takes a word as finished that something follows, and all when told', () => {
    const plain = createFindIndex({ topics: createTopicSpace([]) })
    plain.put(weather.id, weather.definition)
    expect(plain.find('for')).not.toEqual([])
    expect(plain.find('temper', { typing: false })).toEqual([])
    expect(plain.find('temper')).not.toEqual([])
    expect(plain.find('temper ')).toEqual([])
  })

  it.each(['flihgt', 'fligt', 'fliight', 'flightz'])('forgives a slip: %s', (slip) => {
    expect(names(index, `book ${slip}`, { typing: false })[0]).toBe('book_flight')
  })

  it('splits words that were run together, and joins what others write as one', () => {
    expect(names(index, 'bookflight', { typing: false })[0]).toBe('book_flight')
    expect(names(index, 'searchflights now', { typing: false })[0]).toBe('search_flights')
    expect(names(index, 'get fore cast', { typing: false })[0]).toBe('getForecast')
  })
})

describe('the options of find', () => {
  const index = indexOf(...everything)

  it('accept filters by definition, before the limit is counted', () => {
    const accept = (id: string) => id === mail.id
    const hits = index.find('search flights forecast message', { accept, limit: 1 })
    expect(hits.map(({ definitionId }) => definitionId)).toEqual([mail.id])
  })

  it('kinds filters by kind, before the limit is counted', () => {
    expect(index.find('flight', { kinds: ['server'] }).map(({ kind }) => kind)).toEqual(['server'])
    expect(names(index, 'trip', { kinds: ['prompt'], limit: 1 })).toEqual(['plan_trip'])
    expect(index.find('flight', { kinds: [] })).toEqual([])
  })

  it('a filter sees what only common words of the question lead to, however many have the others', () => {
    const sea = Array.from({ length: findLimits.touchedMin * 2 }, (_, at) =>
      described({
        name: `com.example/sea${at}`,
        description: at % 2 === 0 ? 'Harbours and ports.' : 'Ports.',
      }),
    )
    const port = described({ name: 'com.example/only', description: 'All about ports.' })
    const many = createFindIndex({ topics: createTopicSpace([]) })
    for (const { id, definition } of [...sea, port]) many.put(id, definition)
    const question = 'harbours ports'
    const numbers = names(many, question, { limit: 100 }).map((name) => Number(name.slice(15)))
    expect(numbers.filter((number) => number % 2 === 0)).toHaveLength(100)
    const accept = (id: string) => id === port.id
    expect(names(many, question, { accept })).toEqual(['com.example/only'])
  })

  it('groups by server name, with the capabilities that match inside', () => {
    const newer = described({ ...flights.definition, version: '2.0.0' })
    const hits = indexOf(flights, newer, mail).find('book a flight', { groupByServer: true })
    expect(hits.filter(({ server }) => server === 'io.github.acme/flights')).toHaveLength(1)
    expect(hits[0]?.inside?.map(({ name }) => name).slice(0, 2)).toEqual([
      'book_flight',
      'search_flights',
    ])
    expect(hits[0]?.inside?.length).toBeLessThanOrEqual(findLimits.unitsPerServerMax)
  })

  it('limit bounds the hits, at 10 unless told and at 100 whatever is told', () => {
    const many = createFindIndex()
    for (let i = 0; i < 120; i++) {
      const { id, definition } = described({ name: `a.b/flight-${i}` })
      many.put(id, definition)
    }
    expect(many.find('flight')).toHaveLength(10)
    expect(many.find('flight', { limit: 3 })).toHaveLength(3)
    expect(many.find('flight', { limit: 1_000_000 })).toHaveLength(100)
    for (const limit of [0, -5, 0.5, Number.NaN]) {
      expect(many.find('flight', { limit }).length).toBeGreaterThan(0)
    }
  })

  it('breaks ties by name, whatever came first', () => {
    const twins = ['b', 'a', 'c'].map((name) => described({ name: `x.y/${name}`, title: 'Same' }))
    const forth = indexOf(...twins)
    const back = indexOf(...twins.toReversed())
    expect(names(forth, 'same')).toEqual(['x.y/a', 'x.y/b', 'x.y/c'])
    expect(back.find('same')).toEqual(forth.find('same'))
  })
})

describe('highlights', () => {
  it('mark exactly what matched, in each text that is shown', () => {
    const [hit] = indexOf(...everything).find('booking flights')
    expect(hit?.name).toBe('book_flight')
    const marked = (text: string, ranges: readonly (readonly [number, number])[] = []) =>
      ranges.map(([start, end]) => text.slice(start, end))
    expect(marked('io.github.acme/flights', hit?.highlights.server)).toEqual(['flights'])
    expect(marked('book_flight', hit?.highlights.name)).toEqual(['book', 'flight'])
    expect(marked('Book a seat on a flight.', hit?.highlights.line)).toEqual(['Book', 'flight'])
    expect(hit?.highlights.line).toEqual([
      [0, 4],
      [17, 23],
    ])
    expect(hit?.highlights.title).toEqual([])
  })

  it('mark what a beginning or a slip was taken for', () => {
    const index = indexOf(weather)
    expect(index.find('tempera', { kinds: ['tool'] })[0]?.highlights.line).toEqual([[0, 11]])
    expect(index.find('forcast', { typing: false })[0]?.highlights.name).not.toEqual([])
  })
})

describe('put, remove and compact', () => {
  it('put of what is there changes nothing; remove tells whether it was there', () => {
    const index = indexOf(flights)
    const before = index.find('flight')
    index.put(flights.id, flights.definition)
    expect(index.size).toBe(1)
    expect(index.find('flight')).toEqual(before)
    expect(index.has(flights.id)).toBe(true)
    expect(index.remove(flights.id)).toBe(true)
    expect(index.remove(flights.id)).toBe(false)
    expect(index.has(flights.id)).toBe(false)
    expect(index.find('flight')).toEqual([])
  })

  it('compaction in pieces gives back what removals left', () => {
    const index = createFindIndex()
    const drafts = Array.from({ length: 60 }, (_, i) =>
      described({ name: `a.b/s${i}`, description: `unique${i} words${i} here${i}` }),
    )
    for (const { id, definition } of drafts) index.put(id, definition)
    const full = index.memory
    for (const { id } of drafts.slice(1)) index.remove(id)
    let pieces = 1
    while (!index.compact(50)) pieces++
    expect(pieces).toBeGreaterThan(3)
    expect(index.memory.vocabulary).toBeLessThan(full.vocabulary)
    expect(index.compact()).toBe(true)
    expect(names(index, 'unique0')).toEqual(['a.b/s0'])
  })

  it('put clears up by itself when most of the postings are garbage', () => {
    const index = createFindIndex()
    let most = 0
    for (let round = 0; round < 400; round++) {
      const { id, definition } = described({
        name: 'a.b/churn',
        version: `${round}.0.0`,
        description: `The churn of round${round}, which says word${round} and term${round}.`,
        capabilities: tools(`tool_${round}`),
      })
      index.put(id, definition)
      index.remove(id)
      most = Math.max(most, index.memory.total)
    }
    expect(most).toBeLessThan(600_000)
  })

  it('an index that changed equals one built afresh, after every step', () => {
    const words = [
      'flight',
      'flights',
      'weather',
      'mailbox',
      'invoice',
      'kubernetes',
      'pod',
      'qrcode',
    ]
    const texts = fc
      .array(fc.constantFrom(...words, 'search', 'the', 'send_mail', 'zyx'), { maxLength: 6 })
      .map((list) => list.join(' '))
    const pool = fc.array(
      fc.record({
        name: fc.constantFrom('a.b/one', 'a.b/two', 'c.d/flight', 'c.d/mailQueue', 'e.f/x-y'),
        description: texts,
        tags: fc.subarray(words),
        capabilities: fc.record({
          tools: fc.uniqueArray(
            fc.constantFrom('send_mail', 'listPods', 'getForecast', 'qr-code'),
            {
              maxLength: 4,
            },
          ),
        }),
      }),
      { minLength: 2, maxLength: 12 },
    )
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.record({ act: fc.constant('put' as const), at: fc.nat(11) }) },
        {
          weight: 2,
          arbitrary: fc.record({ act: fc.constant('remove' as const), at: fc.nat(11) }),
        },
        {
          weight: 2,
          arbitrary: fc.record({ act: fc.constant('compact' as const), at: fc.nat(40) }),
        },
      ),
      { maxLength: 40 },
    )
    const questions = ['flight', 'send mail weather', 'kubernets pod', 'invo', 'qr code', 'zyx the']
    fc.assert(
      fc.property(pool, steps, (drafts, acts) => {
        const definitions = drafts.map(({ capabilities, ...draft }, i) =>
          described({ ...draft, version: `${i}.0.0`, capabilities: tools(...capabilities.tools) }),
        )
        const changed = createFindIndex()
        const held = new Map<string, (typeof definitions)[number]>()
        for (const { act, at } of acts) {
          const one = definitions[at % definitions.length]
          if (act === 'compact') changed.compact(at + 1)
          else if (one !== undefined && act === 'put') {
            changed.put(one.id, one.definition)
            held.set(one.id, one)
          } else if (one !== undefined) {
            changed.remove(one.id)
            held.delete(one.id)
          }
          const fresh = indexOf(...[...held.values()].toReversed())
          expect(changed.size).toBe(fresh.size)
          for (const question of questions) {
            expect(changed.find(question)).toEqual(fresh.find(question))
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('limits', () => {
  const index = indexOf(...everything)

  it('any text is a question', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.boolean(), (text, group) => {
        expect(index.find(text, { groupByServer: group }).length).toBeLessThanOrEqual(10)
      }),
    )
  })

  it('reads the beginning of a text that is too long', () => {
    const long = `search flights ${'pad '.repeat(100_000)}`
    expect(names(index, long)[0]).toBe('search_flights')
  })

  it('keeps the most telling words of a question that has too many', () => {
    const common = Array.from({ length: 40 }, (_, i) =>
      described({ name: `a.b/s${i}`, title: `w${i}` }),
    )
    const many = indexOf(...common, flights)
    const text = `${common.map((_, i) => `w${i}`).join(' ')} flights`
    expect(names(many, text, { limit: 100 }).length).toBeLessThanOrEqual(100)
  })

  it('holds a definition at the limits of the model', () => {
    const { id, definition } = described({
      name: 'a.b/large',
      description: 'long '.repeat(limits.descriptionMax / 5),
      capabilities: tools(...Array.from({ length: limits.capabilitiesMax }, (_, i) => `tool_${i}`)),
    })
    const large = createFindIndex()
    large.put(id, definition)
    expect(names(large, 'tool_999', { kinds: ['tool'] })[0]).toBe('tool_999')
    large.remove(id)
    expect(large.size).toBe(0)
  })

  it('reads any schema as it came', () => {
    const inputSchema = {
      properties: { a: null, b: 7, c: { description: 5 }, __proto__: { x: 1 } },
    }
    const { id, definition } = described({
      name: 'a.b/odd',
      capabilities: {
        tools: [
          { name: 'odd', inputSchema },
          { name: 'odder', inputSchema: { properties: [1] } },
        ],
      },
    })
    const odd = createFindIndex()
    odd.put(id, definition)
    expect(names(odd, 'odd', { kinds: ['tool'] })).toContain('odd')
  })
})
