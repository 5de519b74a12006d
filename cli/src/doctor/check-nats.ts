import type { AgentConfig } from '@meridian/agent'
import {
  ask,
  isMeridianError,
  lookupReplySchema,
  subjects,
  type LookupRequest,
} from '@meridian/shared'
import { connectNats, examineNats } from '@meridian/shared/nats'
import { systemClock, systemRandom } from '@meridian/shared/system'
import { reasonOf, type Finding } from './finding.ts'

const timeoutMs = 5_000
/** A definition at its limit fits into no smaller message. */
const payloadBytesMin = 1_048_576
/** Beyond this a NATS server is in another region, and no zone's own. */
const roundTripMsMax = 20

/** Whether NATS lets the agent do what it has to, and the zone's registry answers behind it. */
export async function checkNats({ nats, locality }: AgentConfig): Promise<Finding[]> {
  const name = `doctor ${locality.region}/${locality.zone}/${locality.node}`
  const { region, zone } = locality
  try {
    const { server, version, roundTripMs, payloadBytesMax, refused } = await examineNats(nats, {
      name,
      timeoutMs,
      subscribe: [
        subjects.delta({ region, zone, node: '*' }),
        subjects.pulse(locality),
        subjects.vitals({ region, zone }, '*'),
        subjects.rpcNode(locality, '*'),
      ],
      // Nobody listens to hellos; who may publish these may publish the node's other subjects.
      publish: [subjects.hello(locality)],
    })
    const isFar = roundTripMs > roundTripMsMax
    const findings: Finding[] = [
      {
        check: 'nats',
        state: isFar ? 'warning' : 'ok',
        found: `NATS ${version} at ${server}, ${roundTripMs} ms away`,
        ...(isFar && { todo: 'name a NATS server of this zone (MERIDIAN_NATS_URL)' }),
      },
    ]
    if (payloadBytesMax < payloadBytesMin) {
      findings.push({
        check: 'nats',
        state: 'warning',
        found: `it takes messages of ${payloadBytesMax} bytes at the most`,
        todo: `set max_payload to ${payloadBytesMin} there: larger definitions cannot be sent`,
      })
    }
    for (const { operation, subject } of refused) {
      findings.push({
        check: 'nats',
        state: 'problem',
        found: `this user may not ${operation} to ${subject}`,
        todo: `allow it in the server's configuration, or correct the node's region, zone and name; deploy/nats/roles shows all that an agent needs`,
      })
    }
    return [...findings, await checkZone({ nats, locality }, name)]
  } catch (error) {
    if (!isMeridianError(error)) throw error
    return [
      {
        check: 'nats',
        state: 'problem',
        found: error.message,
        todo: 'start the NATS server, or correct MERIDIAN_NATS_…; until then the agent answers from what it last heard',
      },
      { check: 'zone', state: 'skipped', found: 'its registry is asked over NATS' },
    ]
  }
}

async function checkZone(
  { nats, locality }: Pick<AgentConfig, 'nats' | 'locality'>,
  name: string,
): Promise<Finding> {
  const { region, zone } = locality
  const transport = await connectNats({ ...nats, name, clock: systemClock, random: systemRandom })
  try {
    const request: LookupRequest = {
      q: '',
      limit: 1,
      from: locality,
      deadlineMs: timeoutMs,
      final: true,
    }
    const startedAt = systemClock.now()
    const { replica = 'unnamed' } = await ask(
      transport,
      subjects.rpcLocal({ region, zone }, 'lookup'),
      request,
      { deadlineMs: timeoutMs, reply: lookupReplySchema },
    )
    const ms = Math.round(systemClock.now() - startedAt)
    return {
      check: 'zone',
      state: 'ok',
      found: `the registry of ${region}/${zone} answers (replica ${replica}, ${ms} ms)`,
    }
  } catch (error) {
    return {
      check: 'zone',
      state: 'problem',
      found: `the registry of ${region}/${zone} does not answer: ${reasonOf(error)}`,
      todo: isMeridianError(error, 'forbidden')
        ? 'allow this user to ask it, and to hear the reply (MERIDIAN_NATS_INBOX_PREFIX)'
        : `start one: meridian registry --tier local --region ${region} --zone ${zone}`,
    }
  } finally {
    await transport.close()
  }
}
