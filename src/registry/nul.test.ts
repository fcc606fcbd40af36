import { describe, expect, it } from 'vitest'
import type { Type } from '../api/schema.ts'
import { definition } from '../api/schema.ts'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import { RESOURCES } from '../resources/index.ts'
import { startTestApi } from '../sim/test-api.ts'
import { objectNulErrors } from './nul.ts'

type Step = string | 0
const POD_SPEC = 'io.k8s.api.core.v1.PodSpec'
const NUL = 'x\0--bind\0/\0/mnt'

/** Ways from a type to all strings below it, through lists and maps; no definition twice on one way. */
function waysToStrings(type: Type, seen: readonly string[] = []): Step[][] {
  if (type.kind === 'string') return [[]]
  if (type.kind === 'array') return waysToStrings(type.of, seen).map((way) => [0, ...way])
  if (type.kind === 'map') return waysToStrings(type.of, seen).map((way) => ['key', ...way])
  if (type.kind !== 'ref' || seen.includes(type.definition.name)) return []
  const { name, fields } = type.definition
  return [...fields.values()].flatMap((field) =>
    waysToStrings(field.type, [...seen, name]).map((way) => [field.name, ...way]),
  )
}

/** Ways from a kind to the specs of pods in it. */
function waysToPods(name: string): string[][] {
  if (name === POD_SPEC) return [[]]
  return [...definition(name).fields.values()].flatMap(({ name: field, type }) =>
    type.kind === 'ref' && field !== 'metadata' ? waysToPods(type.definition.name).map((way) => [field, ...way]) : [],
  )
}

function objectWith(way: readonly Step[], value: unknown): unknown {
  const [step, ...rest] = way
  if (step === undefined) return value
  return step === 0 ? [objectWith(rest, value)] : { [step]: objectWith(rest, value) }
}

const pathOf = (way: readonly Step[]) =>
  way.map((step, i) => (step === 0 ? '[0]' : i === 0 ? step : `.${step}`)).join('')

const spec: Type = { kind: 'ref', goType: 'v1.PodSpec', definition: definition(POD_SPEC) }
const strings = waysToStrings(spec)
const bearers = RESOURCES.flatMap((r) => waysToPods(r.definition).map((way) => [r.kind, r.definition, way] as const))

it('finds pods in all kinds that have them', () => {
  expect(strings.length).toBeGreaterThan(300)
  expect(bearers.map(([kind]) => kind).sort()).toEqual(
    [
      'CronJob',
      'DaemonSet',
      'Deployment',
      'Job',
      'Pod',
      'PodTemplate',
      'ReplicaSet',
      'ReplicationController',
      'StatefulSet',
    ].sort(),
  )
})

describe.each(bearers)('[W13] NUL in a %s', (_, kind, way) => {
  it('is refused in every string of its pods, where it stands', () => {
    for (const below of strings) {
      const at = [...way, ...below]
      const errors = objectNulErrors(objectWith(at, NUL) as object, undefined, kind)
      expect(errors.map((error) => error.field)).toEqual([pathOf(at)])
    }
  })

  it('is let through where the stored object has it already', () => {
    const at = [...way, 'containers', 0, 'command', 0] as const
    const stored = () => objectWith(at, NUL) as object
    expect(objectNulErrors(stored(), stored(), kind)).toEqual([])
    expect(objectNulErrors(objectWith(at, `${NUL}y`) as object, stored(), kind)).toHaveLength(1)
  })
})

describe('over the API', () => {
  const container = { name: 'c', image: 'i' }
  const metadata = { name: 'a', namespace: 'default' }
  const labels = { a: 'b' }
  const template = (extra: object) => ({ metadata: { labels }, spec: { containers: [{ ...container, ...extra }] } })
  const evil = { env: [{ name: 'X', value: NUL }] }
  const create = (path: string, body: object) => ['POST', path, body] as const
  const selector = { matchLabels: labels }

  it.each([
    ['a pod', create('/api/v1/namespaces/default/pods', { ...template(evil), metadata })],
    [
      'a Deployment',
      create('/apis/apps/v1/namespaces/default/deployments', {
        metadata,
        spec: { selector, template: template(evil) },
      }),
    ],
    [
      'a PersistentVolume',
      create('/api/v1/persistentvolumes', {
        metadata: { name: 'a' },
        spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x\0/y' } },
      }),
    ],
  ])('%s with NUL is invalid', async (_, [method, path, body]) => {
    const api = await startTestApi({ clock: systemClock, random: new SeededRandom(3) })
    await expect(api.client.call(method, path, body)).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining('must not contain the NUL character (U+0000)'),
    })
    await api.close()
  })

  it('a pod takes none later, by no subresource', async () => {
    const api = await startTestApi({ clock: systemClock, random: new SeededRandom(3) })
    const path = '/api/v1/namespaces/default/pods/a'
    await api.client.call('POST', '/api/v1/namespaces/default/pods', {
      ...template({}),
      metadata,
    })
    const pod = (await api.client.call('GET', path)) as { spec: object }
    const ephemeralContainers = [{ ...container, name: 'e', command: [NUL] }]
    const put = (at: string, spec: object) => api.client.call('PUT', at, { ...pod, spec: { ...pod.spec, ...spec } })
    await expect(put(`${path}/ephemeralcontainers`, { ephemeralContainers })).rejects.toMatchObject({ code: 422 })
    await expect(put(path, { containers: [{ ...container, image: NUL }] })).rejects.toMatchObject({ code: 422 })
    await api.close()
  })
})
