import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeleteOptions, KubernetesObject } from '../api/object.ts'
import { rfc3339 } from '../api/time.ts'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import { SeededRandom } from '../base/random.ts'
import { tracer } from '../base/trace.ts'
import type { Resource } from '../client/api-client.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'

const drain = () => new Promise<void>((resolve) => setImmediate(resolve))
const pods: Resource<Loose> = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
const configMaps: Resource<Loose> = { ...pods, plural: 'configmaps', kind: 'ConfigMap' }
const namespaces: Resource<Loose> = { ...pods, plural: 'namespaces', kind: 'Namespace', namespaced: false }
const controllers: Resource<Loose> = { ...pods, plural: 'replicationcontrollers', kind: 'ReplicationController' }

interface Loose extends KubernetesObject {
  readonly [key: string]: unknown
}

let clock: SimClock
let api: TestApi
let trace: EbbTraceEvent[]
let events: { type: string; grace: number | undefined; revision: number }[]

beforeEach(async () => {
  clock = new SimClock({ drain })
  trace = []
  api = await startTestApi({ clock, random: new SeededRandom(7), tracer: tracer(clock, 'api', (e) => trace.push(e)) })
  events = []
  await api.client.watch(
    pods,
    {},
    {
      event: ({ type, object }) => {
        const { metadata } = object as KubernetesObject
        const { deletionGracePeriodSeconds: grace, resourceVersion } = metadata
        if (type !== 'BOOKMARK') events.push({ type, grace, revision: Number(resourceVersion) })
      },
      end() {},
    },
  )
})
afterEach(() => api.close())

interface PodShape {
  readonly node?: string
  readonly grace?: number
  readonly phase?: string
  readonly finalizers?: readonly string[]
}

async function makePod({ node, grace, phase, finalizers }: PodShape): Promise<Loose> {
  const spec = {
    ...(node ? { nodeName: node } : {}),
    ...(grace === undefined ? {} : { terminationGracePeriodSeconds: grace }),
    containers: [{ name: 'c', image: 'x' }],
  }
  const metadata = { name: 'p', namespace: 'default', ...(finalizers ? { finalizers } : {}) }
  const pod = await api.client.create(pods, { kind: 'Pod', apiVersion: 'v1', metadata, spec })
  return phase ? api.client.updateStatus(pods, { ...pod, status: { phase } }) : pod
}

const ref = { namespace: 'default', name: 'p' }
const remove = (options?: DeleteOptions) => api.client.delete(pods, ref, options) as Promise<Loose>
const inSeconds = (seconds: number) => rfc3339(clock.now() + seconds * 1000)

describe('grace', () => {
  const onNode = { node: 'n' }
  const cases: readonly [rule: string, pod: PodShape, options: DeleteOptions | undefined, grace: number][] = [
    ['[D3] the spec decides', { ...onNode, grace: 12 }, undefined, 12],
    ['[D3] 30 when the spec says nothing', onNode, undefined, 30],
    ['[D3] the option wins', { ...onNode, grace: 12 }, { gracePeriodSeconds: 3 }, 3],
    ['[D3] the option may be longer', { ...onNode, grace: 2 }, { gracePeriodSeconds: 60 }, 60],
    ['[D3] negative is 1', onNode, { gracePeriodSeconds: -5 }, 1],
    ['[D3] 0 goes at once', onNode, { gracePeriodSeconds: 0 }, 0],
    ['[D3] without a node it goes at once', {}, undefined, 0],
    ['[D3] finished, it goes at once', { ...onNode, phase: 'Succeeded' }, undefined, 0],
    ['[D3] failed, it goes at once', { ...onNode, phase: 'Failed' }, { gracePeriodSeconds: 20 }, 0],
  ]
  it.each(cases)('%s', async (_rule, shape, options, grace) => {
    await makePod(shape)
    events.length = 0
    const answer = await remove(options)
    expect(answer.metadata).toMatchObject({
      deletionGracePeriodSeconds: grace,
      deletionTimestamp: inSeconds(grace),
      generation: 2,
    })
    const left = await api.client.find(pods, ref)
    if (grace > 0) {
      expect(left).toEqual(answer)
      expect(events.map((e) => e.type)).toEqual(['MODIFIED'])
      expect(trace.map((e) => [e.step, e.detail])).toEqual([['delete-marked', { grace }]])
    } else {
      expect(left).toBeUndefined()
      expect(trace.map((e) => e.step)).toEqual(['delete-removed'])
    }
  })

  it('[D5] [D11] grace 0 is seen once more, then DELETED with a revision of its own', async () => {
    await makePod({ node: 'n' })
    await remove({ gracePeriodSeconds: 0 })
    expect(events.map(({ type, grace }) => [type, grace])).toEqual([
      ['ADDED', undefined],
      ['MODIFIED', 0],
      ['DELETED', 0],
    ])
    expect(events[2]?.revision).toBe((events[1]?.revision ?? 0) + 1)
  })

  it('[D6] only shrinks, counted from the first request', async () => {
    await makePod({ node: 'n' })
    const first = await remove({ gracePeriodSeconds: 20 })
    await clock.advance(2000)
    expect(await remove({ gracePeriodSeconds: 20 })).toEqual(first)
    expect(await remove({ gracePeriodSeconds: 50 })).toEqual(first)
    expect(await remove()).toEqual(first)
    const shorter = await remove({ gracePeriodSeconds: 6 })
    expect(shorter.metadata).toMatchObject({ deletionGracePeriodSeconds: 6, deletionTimestamp: inSeconds(4) })
    await clock.advance(3000)
    const past = await remove({ gracePeriodSeconds: 2 })
    expect(past.metadata).toMatchObject({ deletionGracePeriodSeconds: 1, deletionTimestamp: inSeconds(0) })
    expect(past.metadata.generation).toBe(2)
  })

  it('[D10] [D1] the final delete with the uid of an older pod leaves the newer one alone', async () => {
    const old = await makePod({ node: 'n' })
    await remove({ gracePeriodSeconds: 0 })
    await makePod({ node: 'n' })
    const final = remove({ gracePeriodSeconds: 0, preconditions: { uid: old.metadata.uid ?? '' } })
    await expect(final).rejects.toMatchObject({ code: 409, reason: 'Conflict' })
    expect(await api.client.find(pods, ref)).toBeDefined()
  })

  it('[D14] a dry run marks nothing', async () => {
    const pod = await makePod({ node: 'n' })
    const answer = await remove({ dryRun: ['All'] })
    expect(answer.metadata.deletionGracePeriodSeconds).toBe(30)
    expect(await api.client.get(pods, ref)).toEqual(pod)
    expect(trace).toEqual([])
  })
})

describe('finalizers', () => {
  it('[D7] [W8] keep a pod through its grace, and the last one lets it go', async () => {
    await makePod({ node: 'n', finalizers: ['example.com/a', 'example.com/b'] })
    expect((await remove()).metadata.deletionGracePeriodSeconds).toBe(30)
    expect((await remove({ gracePeriodSeconds: 0 })).metadata.deletionGracePeriodSeconds).toBe(0)
    const patch = (finalizers: readonly string[]) =>
      api.client.patch(pods, ref, { metadata: { finalizers } }, { type: 'merge' })
    expect((await patch(['example.com/b'])).metadata.finalizers).toEqual(['example.com/b'])
    await expect(patch(['example.com/b', 'example.com/c'])).rejects.toMatchObject({ code: 422 })
    expect((await patch([])).metadata.finalizers).toBeUndefined()
    expect(await api.client.find(pods, ref)).toBeUndefined()
    expect(events.at(-1)?.type).toBe('DELETED')
  })

  it('[W8] the last finalizer does not cut a grace short', async () => {
    await makePod({ node: 'n', finalizers: ['example.com/a'] })
    await remove()
    await api.client.patch(pods, ref, { metadata: { finalizers: null } }, { type: 'merge' })
    expect((await api.client.get(pods, ref)).metadata.deletionGracePeriodSeconds).toBe(30)
  })

  it.each([
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ] as const)('[D8] %s adds %s', async (propagationPolicy, finalizer) => {
    await api.client.create(configMaps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: ref })
    const answer = (await api.client.delete(configMaps, ref, { propagationPolicy })) as Loose
    expect(answer.metadata).toMatchObject({ finalizers: [finalizer], deletionGracePeriodSeconds: 0 })
  })

  it('[D8] a ReplicationController leaves its pods behind unless told otherwise', async () => {
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } }
    const spec = { replicas: 0, selector: { a: 'b' }, template }
    await api.client.create(controllers, { kind: 'ReplicationController', apiVersion: 'v1', metadata: ref, spec })
    expect(((await api.client.delete(controllers, ref)) as Loose).metadata.finalizers).toEqual(['orphan'])
    expect(await api.client.delete(controllers, ref, { propagationPolicy: 'Background' })).toMatchObject({
      status: 'Success',
    })
    expect(await api.client.find(controllers, ref)).toBeUndefined()
  })
})

describe('namespaces', () => {
  it('[D9] are marked, and wait until spec.finalizers are gone', async () => {
    const metadata = { name: 'team' }
    await api.client.create(namespaces, { kind: 'Namespace', apiVersion: 'v1', metadata })
    const marked = (await api.client.delete(namespaces, metadata)) as Loose
    expect(marked).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Terminating' } })
    expect(await api.client.delete(namespaces, metadata)).toEqual(marked)
    const freed = api.client.update(namespaces, { ...marked, spec: {} }, 'finalize')
    expect((await freed).metadata.name).toBe('team')
    expect(await api.client.find(namespaces, metadata)).toBeUndefined()
  })

  it('[W2] that are terminating take nothing new', async () => {
    await api.client.create(namespaces, { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'team' } })
    await api.client.delete(namespaces, { name: 'team' })
    const made = api.client.create(configMaps, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'c', namespace: 'team' },
    })
    await expect(made).rejects.toMatchObject({
      code: 403,
      message:
        'configmaps "c" is forbidden: unable to create new content in namespace team because it is being terminated',
    })
  })

  it.each(['default', 'kube-system', 'kube-public'])('%s cannot be deleted', async (name) => {
    await expect(api.client.delete(namespaces, { name })).rejects.toMatchObject({ code: 403 })
  })
})

it('[D12] a collection goes by selector and is answered as it was', async () => {
  for (const [name, app] of [
    ['a', 'x'],
    ['b', 'y'],
    ['c', 'x'],
  ] as const)
    await api.client.create(configMaps, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name, namespace: 'default', labels: { app } },
    })
  const answer = await api.client.deleteCollection(configMaps, { namespace: 'default', labelSelector: 'app=x' })
  expect((answer as { items: Loose[] }).items.map((item) => item.metadata.name)).toEqual(['a', 'c'])
  expect((await api.client.list(configMaps)).items.map((item) => item.metadata.name)).toEqual(['b'])
})

describe('eviction and binding', () => {
  const act = (name: string, body: object) => api.client.createSubresource(pods, ref, name, body)

  it('[E1] an eviction leaves its reason on the pod', async () => {
    await makePod({ node: 'n', phase: 'Running' })
    await act('eviction', { kind: 'Eviction', apiVersion: 'policy/v1', metadata: ref })
    const pod = (await api.client.get(pods, ref)) as Loose & { status: { conditions: { type: string }[] } }
    expect(pod.metadata.deletionGracePeriodSeconds).toBe(30)
    expect(pod.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }),
    )
  })

  it('[E2] a pod is bound once', async () => {
    await makePod({})
    const binding = { kind: 'Binding', apiVersion: 'v1', metadata: ref, target: { kind: 'Node', name: 'n' } }
    await act('binding', binding)
    expect(await api.client.get(pods, ref)).toMatchObject({ spec: { nodeName: 'n' } })
    await expect(act('binding', binding)).rejects.toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"',
    })
  })
})
