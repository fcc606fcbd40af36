import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { systemClock } from '../base/clock.node.ts'
import { SeededRandom } from '../base/random.ts'
import type { Resource } from '../client/api-client.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import { encodes } from '../wire/encoded.ts'

interface Loose extends KubernetesObject {
  readonly [key: string]: unknown
}

const configMaps: Resource<Loose> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
}
const pods: Resource<Loose> = { ...configMaps, plural: 'pods', kind: 'Pod' }
const services: Resource<Loose> = { ...configMaps, plural: 'services', kind: 'Service' }
const ref = { namespace: 'default', name: 'a' }
const configMap = (metadata: object, data = { k: 'v' }): Loose => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { namespace: 'default', ...metadata },
  data,
})

let api: TestApi
beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(3) })
})
afterEach(() => api.close())
const create = (metadata: object, data?: { k: string }) => api.client.create(configMaps, configMap(metadata, data))

describe('create', () => {
  it('[W1] decides what is the server’s to decide', async () => {
    const uid = '11111111-2222-3333-4444-555555555555'
    const made = await create({ name: 'a', uid, creationTimestamp: '2001-01-01T00:00:00Z', selfLink: '/x' })
    expect(made.metadata.uid).not.toBe(uid)
    expect(made.metadata.creationTimestamp).not.toMatch(/^2001/)
    expect(made.metadata).not.toHaveProperty('selfLink')
    await expect(create({ name: 'b', resourceVersion: '5' })).rejects.toMatchObject({ code: 500 })
  })

  it('[W2] stays in the namespace of the request', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps'
    await expect(api.client.call('POST', path, configMap({ name: 'a' }))).rejects.toMatchObject({ code: 400 })
    const nowhere = api.client.call('POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'a' } })
    await expect(nowhere).rejects.toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' })
  })

  it('[W3] makes names', async () => {
    const names = new Set<unknown>()
    for (let i = 0; i < 20; i++) names.add((await create({ generateName: 'job-' })).metadata.name)
    expect(names.size).toBe(20)
    for (const name of names) expect(name).toMatch(/^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  })

  it('[W4] does not overwrite', async () => {
    await create({ name: 'a' })
    await expect(create({ name: 'a' })).rejects.toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "a" already exists',
    })
  })

  it('[W4] of one name at the same moment succeeds once', async () => {
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => create({ name: 'a' })))
    expect(all.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
  })

  it('[W11] dry, leaves nothing and takes no address', async () => {
    const path = '/api/v1/namespaces/default/services?dryRun=All'
    const service = { kind: 'Service', apiVersion: 'v1', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } }
    const answer = (await api.client.call('POST', path, service)) as Loose
    expect(answer.metadata).toHaveProperty('uid')
    expect(answer.metadata).not.toHaveProperty('resourceVersion')
    expect(await api.client.find(services, { namespace: 'default', name: 's' })).toBeUndefined()
  })

  it('gives every Service an address of its own', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        api.client.create(services, {
          kind: 'Service',
          apiVersion: 'v1',
          metadata: { name: `s-${i}`, namespace: 'default' },
          spec: { type: 'NodePort', ports: [{ port: 80 }] },
        }),
      ),
    )
    const specs = made.map(({ spec }) => spec as { clusterIP: string; ports: { nodePort: number }[] })
    expect(new Set(specs.map((spec) => spec.clusterIP)).size).toBe(20)
    expect(new Set(specs.map((spec) => spec.ports[0]?.nodePort)).size).toBe(20)
  })

  const RANGE = 'spec.clusterIPs: Invalid value: ["10.0.0.12"]: failed to allocate IP 10.0.0.12: the provided network'
  const PORTS = 'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid'
  it.each([
    ['an address outside', { clusterIP: '10.0.0.12' }, `${RANGE} does not match the current range`],
    ['a port outside', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, `${PORTS} ports is 30000-32767`],
    [
      'an address outside, and what is wrong beside it',
      { clusterIP: '10.0.0.12', sessionAffinity: 'Often' },
      'spec.sessionAffinity: Unsupported value: "Often": supported values: "ClientIP", "None"',
    ],
  ])('asks for %s: only the first step that fails is said', async (_what, spec, why) => {
    const service = { kind: 'Service', apiVersion: 'v1', metadata: { name: 'wrong', namespace: 'default' } }
    await expect(api.client.create(services, { ...service, spec: { ports: [{ port: 80 }], ...spec } })).rejects.toThrow(
      `Service "wrong" is invalid: ${why}`,
    )
  })
})

describe('update', () => {
  it('[W5] compares revisions', async () => {
    const first = await create({ name: 'a' })
    await api.client.update(configMaps, { ...first, data: { k: '2' } })
    await expect(api.client.update(configMaps, { ...first, data: { k: '3' } })).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
    })
    const { resourceVersion: _, ...metadata } = first.metadata
    expect(await api.client.update(configMaps, { ...first, metadata, data: { k: '4' } })).toMatchObject({
      data: { k: '4' },
    })
  })

  it('of an address that may not change says so, not that the new one is not to be had', async () => {
    const spec = { clusterIP: 'None', ports: [{ port: 80 }] }
    const metadata = { name: 'headless', namespace: 'default' }
    const made = await api.client.create(services, { kind: 'Service', apiVersion: 'v1', metadata, spec })
    const clusterIP = '10.0.0.12'
    await expect(
      api.client.update(services, { ...made, spec: { ...spec, clusterIP, clusterIPs: [clusterIP] } }),
    ).rejects.toThrow(
      /^Service "headless" is invalid: spec.clusterIPs\[0\]: Invalid value: \["10.0.0.12"\]: may not change once set$/,
    )
  })

  it('[W6] to the same writes nothing', async () => {
    const first = await create({ name: 'a' })
    expect((await api.client.update(configMaps, first)).metadata.resourceVersion).toBe(first.metadata.resourceVersion)
  })

  it('[W7] leaves the server’s members alone', async () => {
    const first = await create({ name: 'a' })
    const metadata = { ...first.metadata, creationTimestamp: '2001-01-01T00:00:00Z', generation: 9 }
    const next = await api.client.update(configMaps, { ...first, metadata, data: { k: '2' } })
    expect(next.metadata.creationTimestamp).toBe(first.metadata.creationTimestamp)
    expect(next.metadata.generation).toBeUndefined()
  })

  it('[W9] patches that meet each other are all applied', async () => {
    await create({ name: 'a' })
    const patch = (i: number) => api.client.patch(configMaps, ref, { data: { [`k${i}`]: 'v' } }, { type: 'merge' })
    await Promise.all(Array.from({ length: 20 }, (_, i) => patch(i)))
    expect(Object.keys((await api.client.get(configMaps, ref)).data as object)).toHaveLength(21)
  })

  it('[W10] is read by whoever was answered', async () => {
    const first = await create({ name: 'a' })
    for (let i = 0; i < 50; i++) {
      const { metadata } = await api.client.patch(configMaps, ref, { data: { k: `${i}` } }, { type: 'merge' })
      expect((await api.client.get(configMaps, ref)).metadata.resourceVersion).toBe(metadata.resourceVersion)
    }
    expect((await api.client.get(configMaps, ref)).metadata.uid).toBe(first.metadata.uid)
  })

  it('keeps the status out of the main resource, and the spec out of the status', async () => {
    const spec = { containers: [{ name: 'c', image: 'x' }] }
    const pod = await api.client.create(pods, { kind: 'Pod', apiVersion: 'v1', metadata: ref, spec })
    const main = await api.client.update(pods, { ...pod, status: { phase: 'Failed' } })
    expect(main.status).toMatchObject({ phase: 'Pending' })
    const changed = { ...main, spec: { ...(main.spec as object), nodeName: 'n' }, status: { phase: 'Running' } }
    const status = await api.client.updateStatus(pods, changed)
    expect(status.status).toMatchObject({ phase: 'Running' })
    expect(status.spec).not.toHaveProperty('nodeName')
    expect(status.metadata.generation).toBe(1)
  })
})

it('[W12] encodes once for all its watchers and lists', async () => {
  const request = (path: string) =>
    api.server.handle({
      method: 'GET',
      path,
      query: new URLSearchParams(path.endsWith('s') ? '' : 'watch=true'),
      headers: {},
      user: { name: 'admin', groups: ['system:masters'] },
      body: () => Promise.resolve(undefined),
      signal: new AbortController().signal,
    })
  const path = '/api/v1/namespaces/default/configmaps'
  let frames = 0
  const stops: (() => void)[] = []
  for (let i = 0; i < 1000; i++) {
    const { body } = await request(`${path}/`)
    if (body.type !== 'watch') throw new Error('no watch')
    const sink = {
      frame(frame: { bytes(): Uint8Array }) {
        frame.bytes()
        frames++
        return true
      },
      end() {},
    }
    stops.push(body.stream.start(sink))
  }
  const before = encodes()
  await create({ name: 'a' })
  for (let i = 0; i < 100; i++) {
    const { body } = await request(path)
    if (body.type === 'list') for (const piece of body.pieces()) expect(piece.length).toBeGreaterThan(0)
  }
  expect(frames).toBe(1000)
  expect(encodes() - before).toBe(1)
  for (const stop of stops) stop()
})
