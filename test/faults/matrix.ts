import { corrupt, rollBack, rollBackAgent, wipe } from './disks.ts'
import type { Fault } from './fault.ts'
import { forge, rival } from './impostors.ts'
import { breakLink, restartCutOff } from './links.ts'
import { die, stopPulses } from './pulses.ts'
import { killBrokers, killEverything, killProgram } from './processes.ts'
import type { ProgramTreePlan } from '../support/program-tree.ts'

/** Two regions with a zone each; one zone has two registries, to disagree with each other. */
export const plan: ProgramTreePlan = {
  zones: { 'eu/a': { agents: 2, registries: 2 }, 'us/a': { agents: 2, registries: 1 } },
}

const n1 = { region: 'eu', zone: 'a', node: 'n1' }
const n2 = { ...n1, node: 'n2' }

/** Links by what they connect: an agent with its zone, a zone with its region, a region with all. */
const links = ['eu/a/n1', 'eu/a', 'eu'] as const

const shortMs = 3_000
const sliceMs = 1_500
const longMs = 25_000
/** An agent notices a dead connection after three pings of 5 s, a server a dead link after 6 s. */
const deadMs = 20_000
const deadLinkMs = 10_000

const bothOfZone = ['registry eu/a r1', 'registry eu/a r2'] as const

/**
 * Still amid writes, but of some hundred instances and not thousands, which take longer to bring
 * together and to clear away than all the rest.
 */
function gently(fault: Fault): Fault {
  return { ...fault, writeEveryMs: 20 }
}

/** What `npm test` has time for. */
export const slice: readonly Fault[] = [
  breakLink('eu/a', 'cut', sliceMs),
  breakLink('eu', 'cut', sliceMs),
  gently(killProgram('agent eu/a/n1')),
  gently(killProgram('registry eu r1')),
  gently(killBrokers('broker eu/a', () => ['eu/a'])),
  rollBack('simultaneous restart of eu/a, one with an older disk (Nacos #15857)', bothOfZone[1], [
    bothOfZone[0],
  ]),
  forge(n1, n2),
]

const onTwoRegions: readonly Fault[] = [
  ...links.flatMap((place) => [
    breakLink(place, 'cut', shortMs),
    breakLink(place, 'cut', longMs),
    breakLink(place, 'half-open', place.split('/').length === 3 ? deadMs : deadLinkMs),
  ]),
  restartCutOff('eu/a/n1'),

  killProgram('agent eu/a/n1'),
  killProgram('registry eu/a r1'),
  killProgram('registry eu r1'),
  killProgram('registry * r1'),
  killBrokers('broker eu/a', () => ['eu/a']),
  killBrokers('broker eu', () => ['eu']),
  killBrokers('broker *', () => ['*']),
  killBrokers('all brokers', ({ places }) => places),
  killEverything,

  wipe('all registries of eu/a (Nacos #4470: empty push)', (tree) => tree.registriesAt('eu/a')),
  wipe('the registry of eu', (tree) => tree.registriesAt('eu')),
  wipe('the global registry', (tree) => tree.registriesAt('*')),
  rollBack('simultaneous restart of eu/a, one with an older disk (Nacos #15857)', bothOfZone[1], [
    bothOfZone[0],
  ]),
  rollBack('one of two registries of eu/a with an older disk (Nacos #10323)', bothOfZone[0], []),
  rollBack('the registry of eu with an older disk', 'registry eu r1', []),
  corrupt('registry eu/a r1', 'registry.db'),
  rollBackAgent('eu/a/n1'),

  rival('eu/a/n1', 'eu/a/n2', 5_000),
  forge(n1, n2),
]

/**
 * Each on a tree of its own: a zone remembers for a while how many fell silent. One registry
 * judges, another follows it; the one of eu follows them both.
 */
const pulsePlan: ProgramTreePlan = { zones: { 'eu/a': { agents: 2, registries: 2 } } }
const ofPulses = [stopPulses(0.16), stopPulses(0.5), stopPulses(1), die(0.14)]

/** What is tried on which tree. */
export const matrix: readonly {
  readonly plan: ProgramTreePlan
  readonly faults: readonly Fault[]
}[] = [
  { plan, faults: onTwoRegions },
  ...ofPulses.map((fault) => ({ plan: pulsePlan, faults: [fault] })),
]
