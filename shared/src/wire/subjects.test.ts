import { describe, expect, it } from 'vitest'
import { mayWrite, parseSubject, subjects, type Subject } from './subjects.ts'

const node = { region: 'eu', zone: 'a', node: 'n1' }
const zone = { region: 'eu', zone: 'a' }

const known: readonly (readonly [string, string, Subject])[] = [
  [subjects.delta(node), 'mrd.1.delta.eu.a.n1', { kind: 'delta', at: node }],
  [subjects.pulse(node), 'mrd.1.pulse.eu.a.n1', { kind: 'pulse', at: node }],
  [subjects.hello(node), 'mrd.1.hello.eu.a.n1', { kind: 'hello', at: node }],
  [
    subjects.vitals(zone, 'r1'),
    'mrd.1.vitals.eu.a.r1',
    { kind: 'vitals', at: zone, replica: 'r1' },
  ],
  [
    subjects.summary('eu', 'r1'),
    'mrd.1.summary.eu.r1',
    { kind: 'summary', region: 'eu', replica: 'r1' },
  ],
  [subjects.operate(zone), 'mrd.1.operate.eu.a', { kind: 'operate', at: zone }],
  [subjects.operateRegion('eu'), 'mrd.1.operate.eu', { kind: 'operate-region', region: 'eu' }],
  [
    subjects.rpcNode(node, 'fetch'),
    'mrd.1.rpc.node.eu.a.n1.fetch',
    { kind: 'rpc-node', at: node, method: 'fetch' },
  ],
  [
    subjects.rpcLocal(zone, 'lookup'),
    'mrd.1.rpc.local.eu.a.lookup',
    { kind: 'rpc-local', at: zone, method: 'lookup' },
  ],
  [
    subjects.rpcLocal(zone, 'fetch', 'r1'),
    'mrd.1.rpc.local.eu.a.fetch.r1',
    { kind: 'rpc-local', at: zone, method: 'fetch', replica: 'r1' },
  ],
  [
    subjects.rpcRegional('eu', 'lookup'),
    'mrd.1.rpc.regional.eu.lookup',
    { kind: 'rpc-regional', region: 'eu', method: 'lookup' },
  ],
  [
    subjects.rpcRegional('eu', 'fetch', 'r1'),
    'mrd.1.rpc.regional.eu.fetch.r1',
    { kind: 'rpc-regional', region: 'eu', method: 'fetch', replica: 'r1' },
  ],
  [subjects.rpcGlobal('refer'), 'mrd.1.rpc.global.refer', { kind: 'rpc-global', method: 'refer' }],
  [
    subjects.rpcGlobal('refer', 'g1'),
    'mrd.1.rpc.global.refer.g1',
    { kind: 'rpc-global', method: 'refer', replica: 'g1' },
  ],
]

describe('a subject', () => {
  it.each(known)('%s is built and read back', (built, text, parts) => {
    expect(built).toBe(text)
    expect(parseSubject(text)).toEqual(parts)
  })

  it.each([
    '',
    'mrd.1',
    'mrd.2.delta.eu.a.n1',
    'mrd.1.delta.eu.a',
    'mrd.1.delta.eu.a.n1.more',
    'mrd.1.delta.eu.*.n1',
    'mrd.1.delta.EU.a.n1',
    'mrd.1.delta.eu..n1',
    'mrd.1.vitals.eu.a',
    'mrd.1.summary.eu',
    'mrd.1.rpc',
    'mrd.1.rpc.node.eu.a.n1',
    'mrd.1.rpc.local.eu.a',
    'mrd.1.rpc.local.eu.a.fetch.r1.more',
    'mrd.1.rpc.regional.eu',
    'mrd.1.rpc.global',
    'mrd.1.rpc.universe.x',
    'mrd.1.gossip.eu.a.n1',
  ])('%j is none of ours', (text) => {
    expect(parseSubject(text)).toBeUndefined()
  })

  it('takes wildcards for subscriptions, and nothing else that is no label', () => {
    expect(subjects.pulse({ ...zone, node: '*' })).toBe('mrd.1.pulse.eu.a.*')
    for (const part of ['', '>', 'a.b', 'A', 'a b']) {
      expect(() => subjects.pulse({ ...zone, node: part })).toThrow('cannot be part of a subject')
    }
  })
})

describe('who may write for whom', () => {
  const delta: Subject = { kind: 'delta', at: node }
  const summary: Subject = { kind: 'summary', region: 'eu', replica: 'r1' }

  it.each([
    [delta, 'eu/a/n1/agent', true],
    [delta, 'eu/a/n1/importer', true],
    [delta, 'eu/a/n2/agent', false],
    [delta, 'eu/b/n1/agent', false],
    [delta, 'us/a/n1/agent', false],
    [delta, 'eu/-/n1/summary', false],
    [delta, 'nonsense', false],
    [summary, 'eu/-/r1/summary', true],
    [summary, 'eu/-/r2/summary', false],
    [summary, 'us/-/r1/summary', false],
    [summary, 'eu/a/r1/agent', false],
    [{ kind: 'vitals', at: zone, replica: 'r1' }, 'eu/a/r1/agent', false],
    [{ kind: 'operate', at: zone }, 'eu/a/n1/agent', false],
    [{ kind: 'operate-region', region: 'eu' }, 'eu/a/n1/agent', false],
    [{ kind: 'rpc-node', at: node, method: 'x' }, 'eu/a/n1/agent', false],
    [{ kind: 'rpc-global', method: 'x' }, 'eu/a/n1/agent', false],
  ] as const)('%o for %s: %s', (subject, owner, allowed) => {
    expect(mayWrite(subject, owner)).toBe(allowed)
  })
})
