import { readAgentConfig } from '../../agent/src/config.ts'
import { readRegistryConfig } from '../../registry/src/config.ts'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { validate } from 'dockerfile-utils'
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { Service } from 'kubernetes-models/v1/Service'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'

/**
 * No container engine and no cluster is here: what can be judged without one is. Each file is read
 * as what reads it would, and each program is given the settings that its file gives it.
 */

const read = (path: string) =>
  readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')

/** Only where it is installed can it be asked. */
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

const environmentSchema = z.record(z.string(), z.string())

/** Throws, naming the settings at fault, for what the program would not start with. */
function startable(program: string | undefined, environment: Readonly<Record<string, string>>) {
  if (program === 'registry') return readRegistryConfig(environment)
  if (program === 'agent') return readAgentConfig(environment)
  throw new Error(`${program} is no program`)
}

describe('compose.yml', () => {
  const composeSchema = z.object({
    services: z.record(
      z.string(),
      z.looseObject({
        image: z.string(),
        command: z.array(z.string()),
        environment: environmentSchema.optional(),
        volumes: z.array(z.string()).optional(),
      }),
    ),
    volumes: z.record(z.string(), z.null()),
  })
  const compose = composeSchema.parse(parse(read('compose.yml'), { merge: true }))

  it('gives each program settings that it starts with, on ports of their own', () => {
    const programs = Object.entries(compose.services).filter(([name]) => name !== 'nats')
    const configs = programs.map(([, { command, environment = {} }]) =>
      startable(command[0], environment),
    )
    expect(configs).toHaveLength(4)
    expect(new Set(configs.map(({ http }) => http.port)).size).toBe(4)
    expect(new Set(configs.map(({ http }) => http.host))).toEqual(new Set(['127.0.0.1']))
  })

  it('keeps each program’s data in a volume that it declares', () => {
    const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes)
    const named = mounted.flatMap((each) => each.split(':').slice(0, 1))
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)))
    expect(named.length).toBe(new Set(named).size)
  })
})

describe('the Kubernetes manifests', () => {
  const containerSchema = z.looseObject({
    name: z.string(),
    image: z.string(),
    args: z.array(z.string()).optional(),
    env: z
      .array(
        z.object({
          name: z.string(),
          value: z.string().optional(),
          valueFrom: z.unknown().optional(),
        }),
      )
      .default([]),
    volumeMounts: z.array(z.looseObject({ name: z.string() })).default([]),
  })
  const podSchema = z.looseObject({
    initContainers: z.array(containerSchema).default([]),
    containers: z.array(containerSchema).min(1),
    volumes: z.array(z.looseObject({ name: z.string() })).default([]),
  })
  const objectSchema = z.looseObject({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.looseObject({ name: z.string() }),
  })
  const setSchema = objectSchema.extend({
    spec: z.looseObject({
      selector: z.object({ matchLabels: environmentSchema }),
      template: z.object({ metadata: z.object({ labels: environmentSchema }), spec: podSchema }),
      volumeClaimTemplates: z
        .array(z.looseObject({ metadata: z.object({ name: z.string() }) }))
        .default([]),
    }),
  })
  const objects = ['nats.yaml', 'registries.yaml', 'agent.yaml'].flatMap((file) =>
    parseAllDocuments(read(`kubernetes/${file}`)).map((document) => {
      expect(document.errors).toEqual([])
      return objectSchema.parse(document.toJS())
    }),
  )
  const sets = objects
    .filter(({ kind }) => kind === 'StatefulSet' || kind === 'DaemonSet')
    .map((object) => setSchema.parse(object))

  it('are what the API’s own schema of each kind takes', () => {
    const kinds = { ConfigMap, DaemonSet, Namespace, PodDisruptionBudget, Service, StatefulSet }
    const modelOf = new Map<string, new (object: never) => { validate(): void }>(
      Object.entries(kinds),
    )
    for (const object of objects) {
      const Model = modelOf.get(object.kind)
      if (Model === undefined) throw new Error(`${object.kind} is not held against a schema`)
      const model = new Model(object as never)
      expect(model).toMatchObject({ apiVersion: object.apiVersion })
      expect(() => {
        model.validate()
      }).not.toThrow()
    }
    const [set] = sets
    const broken = new StatefulSet({ ...set, spec: { ...set?.spec, replicas: 'two' } } as never)
    expect(() => {
      broken.validate()
    }).toThrow('replicas must be integer')
  })

  it('are sets that select their own pods, and mount what is there', () => {
    expect(sets.map(({ metadata }) => metadata.name)).toEqual([
      'nats',
      'local-a',
      'regional',
      'global',
      'agent',
    ])
    for (const { spec } of sets) {
      const { metadata, spec: pod } = spec.template
      expect(metadata.labels).toMatchObject(spec.selector.matchLabels)
      const claims = spec.volumeClaimTemplates.map((claim) => claim.metadata.name)
      const there = new Set([...claims, ...pod.volumes.map(({ name }) => name)])
      const mounted = [...pod.initContainers, ...pod.containers].flatMap((each) =>
        each.volumeMounts.map(({ name }) => name),
      )
      expect(mounted.filter((name) => !there.has(name))).toEqual([])
    }
  })

  it('give each program settings that it starts with', () => {
    const containers = sets.flatMap(({ spec }) => spec.template.spec.containers)
    const programs = containers.filter(({ image }) => image.startsWith('meridian:'))
    for (const { args, env } of programs) {
      // What the cluster fills in is some name.
      const environment = Object.fromEntries(env.map(({ name, value = 'pod-0' }) => [name, value]))
      expect(() => startable(args?.[0], environment)).not.toThrow()
    }
    expect(programs).toHaveLength(4)
  })
})

it('the Dockerfile has instructions that there are, with what they take', () => {
  expect(validate(read('Dockerfile')).map(({ message }) => message)).toEqual([])
  expect(validate('FROM node\nRUNN x\n').map(({ message }) => message)).toEqual([
    'Unknown instruction: RUNN',
  ])
})

describe('the systemd units', () => {
  it.each(['meridian-agent.service', 'meridian-registry@.service'])(
    '%s has sections and keys, each key once where it may stand once',
    (unit) => {
      const lines = read(`systemd/${unit}`)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
      expect(lines.filter((line) => line.startsWith('['))).toEqual([
        '[Unit]',
        '[Service]',
        '[Install]',
      ])
      const keys = lines.flatMap((line) => /^([A-Z]\w+)=(?=.)/.exec(line)?.[1] ?? [])
      expect(keys.length + 3).toBe(lines.length)
      const once = keys.filter((key) => key !== 'Environment')
      expect(new Set(once).size).toBe(once.length)
    },
  )

  it.skipIf(!hasSystemd)('are what systemd itself takes, with nothing to say against them', () => {
    const units = ['meridian-agent.service', 'meridian-registry@.service'].map((unit) =>
      fileURLToPath(new URL(`../../deploy/systemd/${unit}`, import.meta.url)),
    )
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
      encoding: 'utf8',
    })
    // Where Node.js is on the machine that runs this is no matter of the units.
    const said = stderr.split('\n').filter((line) => /meridian-(agent|registry)/.test(line))
    expect(said.filter((line) => !line.includes('is not executable'))).toEqual([])
  })

  it('run programs with the settings that deploy/README.md gives as examples', () => {
    const examples = [...read('README.md').matchAll(/```ini\n# \S+\/(\w+)\S*\n(.*?)```/gs)]
    expect(examples.map(([, program]) => program)).toEqual(['agent', 'registry'])
    for (const [, program, text = ''] of examples) {
      const environment = environmentSchema.parse(parseEnv(text))
      expect(() => startable(program, environment)).not.toThrow()
    }
  })
})
