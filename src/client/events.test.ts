/** Event recorders against the real API server, in virtual time. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Lifetime } from '../base/lifetime.ts'
import { SeededRandom } from '../base/random.ts'
import { drain } from '../sim/drain.node.ts'
import { SimClock } from '../sim/sim-clock.ts'
import { startTestApi, type TestApi } from '../sim/test-api.ts'
import { type Involved, Recorder } from './events.ts'
import { events } from './resources.ts'
import { SeriesRecorder } from './series-recorder.ts'

let clock: SimClock
let api: TestApi
let lifetime: Lifetime
let recorder: Recorder

beforeEach(async () => {
  clock = new SimClock({ drain })
  api = await startTestApi({ clock, random: new SeededRandom(1) })
  lifetime = new Lifetime('test')
  recorder = new Recorder({ client: api.client, clock, lifetime, component: 'kubelet', host: 'node-1' })
})
afterEach(async () => {
  await lifetime.close()
  await api.close()
})

const pod = (name: string): Involved => ({
  apiVersion: 'v1',
  kind: 'Pod',
  namespace: 'default',
  name,
  uid: `uid-${name}`,
})
const list = async () => (await api.client.list(events, { namespace: 'default' })).items

it('[EV1] [EV5] counts the same event up', async () => {
  recorder.event(pod('p'), 'Warning', 'BackOff', 'Back-off restarting')
  await clock.advance(3000)
  recorder.event(pod('p'), 'Warning', 'BackOff', 'Back-off restarting')
  recorder.event({ ...pod('p'), fieldPath: 'spec.containers{app}' }, 'Normal', 'Killing', 'Stopping container app')
  await clock.advance(0)
  const [backOff, killing, ...more] = await list()
  expect(more).toEqual([])
  expect(backOff).toMatchObject({
    metadata: { name: expect.stringMatching(/^p\.[0-9a-f]{16}$/) },
    count: 2,
    type: 'Warning',
    reason: 'BackOff',
    message: 'Back-off restarting',
    involvedObject: { kind: 'Pod', name: 'p', uid: 'uid-p' },
    source: { component: 'kubelet', host: 'node-1' },
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:03Z',
  })
  expect(killing).toMatchObject({ count: 1, involvedObject: { fieldPath: 'spec.containers{app}' } })
})

it('[EV1] goes on under a new name when the event is gone', async () => {
  recorder.event(pod('p'), 'Normal', 'Pulled', 'pulled')
  await clock.advance(1000)
  const [first] = await list()
  await api.client.delete(events, { namespace: 'default', name: first?.metadata.name ?? '' })
  recorder.event(pod('p'), 'Normal', 'Pulled', 'pulled')
  await clock.advance(0)
  expect(await list()).toMatchObject([{ count: 2, firstTimestamp: '2026-01-01T00:00:00Z' }])
})

it('[EV2] combines many similar ones', async () => {
  for (let i = 1; i <= 12; i++) recorder.event(pod('p'), 'Warning', 'Unhealthy', `probe failed: ${i}`)
  await clock.advance(0)
  const all = await list()
  expect(all).toHaveLength(10)
  expect(all.at(-1)).toMatchObject({ count: 3, message: '(combined from similar events): probe failed: 12' })
})

it('[EV3] gives each object a budget', async () => {
  for (let i = 0; i < 40; i++) recorder.event(pod('noisy'), 'Normal', `Reason${i}`, 'x')
  recorder.event(pod('quiet'), 'Normal', 'Reason', 'x')
  await clock.advance(0)
  expect(recorder.dropped).toBe(15)
  expect(await list()).toHaveLength(26)
  await clock.advance(300_000)
  recorder.event(pod('noisy'), 'Normal', 'Later', 'x')
  await clock.advance(0)
  expect(await list()).toHaveLength(27)
})

it('[EV4] gives up what the server refuses, and goes on', async () => {
  recorder.event({ ...pod('p'), namespace: 'nowhere' }, 'Normal', 'Reason', 'x')
  recorder.event(pod('p'), 'Normal', 'Reason', 'x')
  await clock.advance(0)
  expect(await list()).toHaveLength(1)
})

it('[EV6] records a series', async () => {
  const series = new SeriesRecorder({
    client: api.client,
    clock,
    lifetime,
    controller: 'default-scheduler',
    instance: 'default-scheduler-x',
  })
  const occurrence = { type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: 'no room' } as const
  series.event(pod('p'), occurrence)
  await clock.advance(1500)
  series.event(pod('p'), occurrence)
  await clock.advance(0)
  expect(await list()).toMatchObject([
    {
      type: 'Warning',
      reason: 'FailedScheduling',
      message: 'no room',
      action: 'Scheduling',
      reportingComponent: 'default-scheduler',
      reportingInstance: 'default-scheduler-x',
      eventTime: '2026-01-01T00:00:00.000000Z',
      series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.500000Z' },
    },
  ])
})
