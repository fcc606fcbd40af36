import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { Informers } from '../client/informer.ts'
import { pods } from '../client/resources.ts'
import { drain } from '../sim/drain.node.ts'
import { startTestCluster, type TestCluster } from '../sim/test-cluster.ts'
import { parseSample } from './first-report.ts'
import { Recorder, type TraceSource } from './record.ts'

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: ebb/echo }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`

describe('recorder', () => {
  let cluster: TestCluster
  let life: Lifetime
  beforeEach(async () => {
    cluster = await startTestCluster({ drain, startMs: 300, endMs: 700 })
    life = new Lifetime('test')
  })
  afterEach(async () => {
    await life.close()
    await cluster.close()
  })

  async function deleteUnder(trace?: TraceSource): Promise<readonly EbbTraceEvent[]> {
    const { client, clock } = cluster
    const recorder = new Recorder({
      informers: new Informers({ client, clock, random: new SeededRandom(2), lifetime: life }),
      clock,
      namespace: 'default',
      podSelector: 'app=web',
      service: 'web',
      ...(trace ? { trace } : {}),
    })
    const from = clock.now()
    await Promise.all([recorder.start(), clock.advance(1)])
    const { deployment, service } = parseSample(MANIFEST)
    await client.call('POST', '/api/v1/namespaces/default/services', service)
    await client.call('POST', '/apis/apps/v1/namespaces/default/deployments', deployment)
    await clock.advance(2_000)
    const [pod] = (await client.list(pods, { namespace: 'default' })).items
    await client.delete(pods, { namespace: 'default', name: pod?.metadata.name ?? '' })
    await clock.advance(5_000)
    recorder.stop()
    const name = `pod default/${pod?.metadata.name}`
    return recorder.between(from, clock.now()).events.filter((event) => event.object === name)
  }

  it('[LH1] sees both sequences by watching alone', async () => {
    const events = await deleteUnder()
    expect(events.map((event) => event.step)).toEqual([
      'pod-ready',
      'endpoint-added',
      'delete-marked',
      'endpoint-terminating',
      'endpoint-removed',
      'delete-removed',
    ])
    expect(new Set(events.map((event) => event.component))).toEqual(new Set(['watch']))
  })

  it('[LH1] believes the trace where there is one, once for each step', async () => {
    const { traced } = cluster
    // Told long after the watches saw it, as a node's trace is.
    const source: TraceSource = (sink) => () => traced.forEach(sink)
    const events = await deleteUnder(source)
    const by = (step: string) => events.filter((event) => event.step === step).map((event) => event.component)
    expect(by('endpoint-terminating')).toEqual(['controllers'])
    expect(by('endpoint-removed')).toEqual(['controllers'])
    expect(by('delete-marked')).toEqual(['watch'])
  })

  it('[LH1] takes the earlier time of a step that its writer tells late', async () => {
    const object = { component: 'kubelet', step: 'pod-ready' } as const
    const late: TraceSource = (sink) => () => {
      const [watched] = seen
      if (watched) sink({ ...watched, ...object, at: watched.at + 20 })
    }
    const seen = (await deleteUnder()).filter((event) => event.step === 'pod-ready')
    await life.close()
    life = new Lifetime('again')
    await cluster.close()
    cluster = await startTestCluster({ drain, startMs: 300, endMs: 700 })
    const events = await deleteUnder(late)
    const steps = events.map((event) => event.step)
    expect(events.find((event) => event.step === 'pod-ready')).toMatchObject({ component: 'kubelet', at: seen[0]?.at })
    expect(steps.indexOf('pod-ready')).toBeLessThan(steps.indexOf('endpoint-added'))
  })
})
