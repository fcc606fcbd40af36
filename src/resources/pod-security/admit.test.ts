/** Labels of namespaces over the API: what is refused, what is warned of. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Status } from '../../api/status.ts'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

interface Answer {
  readonly status: number
  readonly message: string
  readonly warnings: readonly string[]
}

async function send(method: string, path: string, object?: unknown, type = 'application/json'): Promise<Answer> {
  const { status, headers, body } = await api.server.handle({
    method,
    path,
    query: new URLSearchParams(),
    headers: { 'content-type': type },
    user: { name: 'admin', groups: ['system:masters'] },
    body: async () => (object === undefined ? undefined : { object }),
    signal: new AbortController().signal,
  })
  const warnings = [headers.warning ?? []].flat().map((text) => JSON.parse(text.replace(/^299 - /, '')) as string)
  return { status, message: body.type === 'object' ? ((body.object as Status).message ?? '') : '', warnings }
}

const patch = (path: string, object: object) => send('PATCH', path, object, 'application/merge-patch+json')

const labels = (own: Record<string, string>) =>
  Object.fromEntries(Object.entries(own).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]))

const namespace = (own: Record<string, string>) =>
  send('POST', '/api/v1/namespaces', { metadata: { name: 'ns', labels: labels(own) } })

const PODS = '/api/v1/namespaces/ns/pods'
const container = { name: 'c', image: 'i' }
const pod = (name: string, spec: object = {}) => ({ metadata: { name }, spec: { containers: [container], ...spec } })
const HOST = { hostPID: true }

describe('a pod', () => {
  it('is refused by what is enforced, in Kubernetes’ words', async () => {
    await namespace({ enforce: 'baseline' })
    expect(await send('POST', PODS, pod('fine'))).toMatchObject({ status: 201, warnings: [] })
    expect(await send('POST', PODS, pod('bad', HOST))).toEqual({
      status: 403,
      message: 'pods "bad" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
      warnings: [],
    })
    const { message } = await send('POST', PODS, { ...pod('', HOST), metadata: { generateName: 'made-' } })
    expect(message).toMatch(/^pods "made-\w{5}" is forbidden: violates PodSecurity/)
  })

  it('is warned of by the standard to warn of, and let through', async () => {
    await namespace({ warn: 'baseline', 'warn-version': 'v1.30', audit: 'restricted' })
    const { status, warnings } = await send('POST', PODS, pod('bad', HOST))
    expect([status, warnings]).toEqual([
      201,
      ['would violate PodSecurity "baseline:v1.30": host namespaces (hostPID=true)'],
    ])
  })

  it('changes freely but for images and containers', async () => {
    await namespace({})
    await send('POST', PODS, pod('old', HOST))
    await patch('/api/v1/namespaces/ns', { metadata: { labels: labels({ enforce: 'baseline' }) } })
    expect((await patch(`${PODS}/old`, { metadata: { labels: { a: 'b' } } })).status).toBe(200)
    expect((await patch(`${PODS}/old/status`, { status: { message: 'm' } })).status).toBe(200)
    const other = { spec: { containers: [{ ...container, image: 'j' }] } }
    expect((await send('PATCH', `${PODS}/old`, other, 'application/strategic-merge-patch+json')).status).toBe(403)
    const added = { spec: { ephemeralContainers: [{ name: 'e', image: 'i' }] } }
    const more = await send('PATCH', `${PODS}/old/ephemeralcontainers`, added, 'application/strategic-merge-patch+json')
    expect(more.message).toBe(
      'pods "old" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    )
  })
})

describe('what makes pods', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [container], ...HOST } }
  const selector = { matchLabels: { a: 'b' } }
  const onFailure = { ...template, spec: { ...template.spec, restartPolicy: 'OnFailure' } }

  it.each<[string, object]>([
    ['/api/v1/namespaces/ns/podtemplates', { template }],
    ['/api/v1/namespaces/ns/replicationcontrollers', { spec: { selector: { a: 'b' }, template } }],
    ['/apis/apps/v1/namespaces/ns/replicasets', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/ns/deployments', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/ns/daemonsets', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/ns/statefulsets', { spec: { selector, template, serviceName: 's' } }],
    ['/apis/batch/v1/namespaces/ns/jobs', { spec: { template: onFailure } }],
    [
      '/apis/batch/v1/namespaces/ns/cronjobs',
      { spec: { schedule: '@daily', jobTemplate: { spec: { template: onFailure } } } },
    ],
  ])('%s is made, with a warning', async (path, object) => {
    await namespace({ enforce: 'baseline' })
    const made = await send('POST', path, { metadata: { name: 'x' }, ...object })
    expect([made.status, made.warnings]).toEqual([
      201,
      ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'],
    ])
  })

  it('is not warned of where only the audit log would tell', async () => {
    await namespace({ audit: 'restricted', warn: 'privileged' })
    const made = await send('POST', '/api/v1/namespaces/ns/podtemplates', { metadata: { name: 'x' }, template })
    expect([made.status, made.warnings]).toEqual([201, []])
  })
})

describe('a namespace', () => {
  it('is refused labels that cannot be read, unless it has them already', async () => {
    const message =
      'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "most": must be one of ' +
      'privileged, baseline, restricted'
    expect(await namespace({ enforce: 'most' })).toMatchObject({ status: 422, message })
    await namespace({})
    const refused = await patch('/api/v1/namespaces/ns', { metadata: { labels: labels({ enforce: 'most' }) } })
    expect(refused).toMatchObject({ status: 422, message })
  })

  it('is warned of the pods that break what it enforces from now on', async () => {
    await namespace({})
    const owner = { apiVersion: 'v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }
    for (const name of ['b', 'a', 'c']) {
      const bare = pod(name, HOST)
      await send('POST', PODS, { ...bare, metadata: { name, ownerReferences: [owner] } })
    }
    await send(
      'POST',
      PODS,
      pod('d', { hostNetwork: true, ...HOST, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
    )
    await send('POST', PODS, pod('e'))
    const relabel = async (own: Record<string, string>) =>
      (await patch('/api/v1/namespaces/ns', { metadata: { labels: labels(own) } })).warnings
    const violations = (standard: string) => [
      `existing pods in namespace "ns" violate the new PodSecurity enforce level "${standard}"`,
      'a (and 2 other pods): host namespaces',
      'd: host namespaces, hostPath volumes',
    ]
    expect(await relabel({ warn: 'restricted', audit: 'restricted' })).toEqual([])
    expect(await relabel({ enforce: 'baseline' })).toEqual(violations('baseline:latest'))
    expect(await relabel({ enforce: 'baseline', a: 'b' })).toEqual([])
    expect(await relabel({ 'enforce-version': 'v1.30' })).toEqual(violations('baseline:v1.30'))
    expect((await relabel({ enforce: 'restricted' }))[0]).toContain('enforce level "restricted:v1.30"')
    expect(await relabel({ enforce: 'baseline' })).toEqual([])
    expect(await relabel({ enforce: 'privileged' })).toEqual([])
  })
})
