import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EbbTraceEvent, Step } from '../api/trace-steps.ts'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { tracer } from '../base/trace.ts'
import { Informers } from '../client/informer.ts'
import { endpointSlices, services } from '../client/resources.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import type { Dataplane } from './dataplane.ts'
import type { ProxyPlan } from './plan.ts'
import { ServiceProxy } from './proxy.ts'
import { type SampleEndpoint, service, slice } from './samples.ts'

/** Keeps the plans; each is carried out when the test says so, or at once. */
class PlanLog implements Dataplane {
  readonly degraded = []
  readonly plans: ProxyPlan[] = []
  /** Failures to come, one for each plan. */
  failures = 0
  gate: Promise<void> | undefined

  async apply(plan: ProxyPlan): Promise<void> {
    await this.gate
    if (this.failures > 0) {
      this.failures--
      throw new Error('no')
    }
    this.plans.push(plan)
  }

  async close(): Promise<void> {}

  get last(): string {
    const ports = [...(this.plans.at(-1)?.values() ?? [])]
    return ports.map((port) => `${port.key} -> ${port.cluster.backends.map((b) => b.ip).join(' ')}`).join('; ')
  }
}

describe('proxy loop', () => {
  const clock = new SimClock({ drain: () => new Promise<void>((resolve) => setImmediate(resolve)) })
  let api: TestApi
  let life: Lifetime
  let log: PlanLog
  let trace: EbbTraceEvent[]
  const failures: unknown[] = []

  beforeEach(async () => {
    const random = new SeededRandom(1)
    api = await startTestApi({ clock, random })
    life = new Lifetime('test')
    log = new PlanLog()
    trace = []
    await api.client.create(services, service({ clusterIP: '10.96.0.10' }))
    await api.client.create(endpointSlices, slice({ endpoints: [{ ip: '10.244.0.5' }] }))
    const informers = new Informers({ client: api.client, clock, random, lifetime: life })
    const proxy = new ServiceProxy({
      informers,
      dataplane: log,
      clock,
      trace: tracer<Step>(clock, 'kube-proxy', (event) => trace.push(event)),
      lifetime: life,
      nodeName: 'node-1',
      failed: (error) => failures.push(error),
    })
    await Promise.all([proxy.start(), clock.advance(10)])
  })
  afterEach(async () => {
    await life.close()
    await api.close()
  })

  const setEndpoints = async (...endpoints: SampleEndpoint[]) => {
    const now = await api.client.get(endpointSlices, { namespace: 'default', name: 'web-abc' })
    await api.client.update(endpointSlices, { ...slice({ endpoints }), metadata: now.metadata })
    await clock.advance(1)
  }
  const web = 'default/web:TCP:80'
  const rulesSeen = () => trace.filter((e) => e.object === 'service default/web').map((e) => e.detail?.backends)

  it('[PL1] starts with one plan of everything there is', () => {
    expect(log.plans).toHaveLength(1)
    expect(log.last).toContain(`${web} -> 10.244.0.5`)
    expect(rulesSeen()).toEqual(['10.244.0.5'])
  })

  it('[PL2] follows a slice, and says so once the rules are in force', async () => {
    await setEndpoints({ ip: '10.244.0.5', ready: false, serving: true, terminating: true }, { ip: '10.244.0.6' })
    expect(log.last).toContain(`${web} -> 10.244.0.6`)
    expect(rulesSeen()).toEqual(['10.244.0.5', '10.244.0.6'])
  })

  it('[PL3] gathers what changes while a plan is being carried out', async () => {
    let open: () => void = () => {}
    log.gate = new Promise((resolve) => {
      open = resolve
    })
    await setEndpoints({ ip: '10.244.0.6' })
    for (const ip of ['10.244.0.7', '10.244.0.8', '10.244.0.9']) await setEndpoints({ ip })
    expect(rulesSeen()).toEqual(['10.244.0.5'])
    open()
    await clock.advance(1)
    expect(log.plans).toHaveLength(3)
    expect(rulesSeen()).toEqual(['10.244.0.5', '10.244.0.6', '10.244.0.9'])
  })

  it('[PL4] tries a failed plan again, with all that has changed since', async () => {
    log.failures = 2
    await setEndpoints({ ip: '10.244.0.6' })
    await setEndpoints({ ip: '10.244.0.7' })
    expect(failures.length).toBeGreaterThan(0)
    expect(rulesSeen()).toEqual(['10.244.0.5'])
    await clock.advance(1_000)
    expect(log.last).toContain(`${web} -> 10.244.0.7`)
    expect(rulesSeen()).toEqual(['10.244.0.5', '10.244.0.7'])
  })

  it('[PL5] forgets a Service that is gone, and a slice that changed hands', async () => {
    await api.client.create(services, service({ name: 'other', clusterIP: '10.96.0.11' }))
    await api.client.patch(
      endpointSlices,
      { namespace: 'default', name: 'web-abc' },
      { metadata: { labels: { 'kubernetes.io/service-name': 'other' } } },
      { type: 'merge' },
    )
    await clock.advance(1)
    expect(log.last).toContain('default/other:TCP:80 -> 10.244.0.5')
    expect(log.last).toMatch(/default\/web:TCP:80 -> $/)
    await api.client.delete(services, { namespace: 'default', name: 'web' })
    await clock.advance(1)
    expect(log.last).not.toContain(web)
  })
})
