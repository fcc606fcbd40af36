/** What readiness probes meet while a pod ends, in virtual time: [PR3]. Times count from the deletion. */
import { afterEach, expect, it } from 'vitest'
import type { Container, Probe } from '../api/types/core-v1.gen.ts'
import { events, pods } from '../client/resources.ts'
import type { SimProgram } from '../kubelet/runtimes/simulated.ts'
import { drain } from './drain.node.ts'
import { startWorld, type World } from './world.ts'

let world: World
afterEach(() => world.close())

const exec = { exec: { command: ['check'] } }
const httpGet = { httpGet: { path: '/', port: 80 } }
const tcpSocket = { tcpSocket: { port: 80 } }
const EXITED = 'rpc error: code = Unknown desc = failed to exec in container: container is in CONTAINER_EXITED state'
const REFUSED = 'dial tcp 10.244.0.2:80: connect: connection refused'

const answers: SimProgram = { commands: { check: { exitCode: 0 } }, http: { port: 80, status: () => 200 } }
const endsAfter = (afterMs: number): SimProgram => ({ ...answers, onSignal: { SIGTERM: { exit: 0, afterMs } } })

/** Unhealthy events of one pod that is deleted 1.5 s after its start, as their messages and how often each came. */
async function play(
  programs: Record<string, SimProgram>,
  readinessProbe: Probe,
  others: Container[] = [],
): Promise<string[]> {
  world = await startWorld({ seed: 1, drain, programs })
  const metadata = { namespace: 'default', name: 'p' }
  const spec = { containers: [{ name: 'app', image: 'app:1', readinessProbe }, ...others] }
  await world.through(world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }))
  await world.advance(1500)
  await world.through(world.client.delete(pods, metadata))
  await world.advance(40_000)
  const { items } = await world.through(world.client.list(events, { namespace: 'default' }))
  return items.filter((e) => e.reason === 'Unhealthy').map(({ message, count = 1 }) => `${message} x${count}`)
}

it.each([
  ['exec', exec, `Readiness probe errored and resulted in unknown state: ${EXITED} x1`],
  ['httpGet', httpGet, `Readiness probe failed: Get "http://10.244.0.2:80/": ${REFUSED} x1`],
  ['tcpSocket', tcpSocket, `Readiness probe failed: ${REFUSED} x1`],
])(
  '%s: a probe that is due while Kubernetes would stop the sandbox meets the ended container',
  async (_, probe, event) => {
    // Probes each second of the life, by exec 50 ms past it: the next one about half a second after an end 4 s after the deletion.
    expect(await play({ 'app:1': endsAfter(4000) }, { ...probe, periodSeconds: 1 })).toEqual([event])
  },
)

it('a probe that is due later than that is not run', async () => {
  expect(await play({ 'app:1': endsAfter(3600) }, { ...httpGet, periodSeconds: 1 })).toEqual([])
  await world.close()
  expect(await play({ 'app:1': endsAfter(4000) }, { ...exec, periodSeconds: 10 })).toEqual([])
})

it('a container that ends before the others of its pod is probed until the pod has ended', async () => {
  const other = { name: 'b', image: 'b:1' }
  const seen = await play(
    { 'app:1': endsAfter(0), 'b:1': { onSignal: { SIGTERM: { exit: 0, afterMs: 5000 } } } },
    { ...httpGet, periodSeconds: 1, failureThreshold: 1 },
    [other],
  )
  expect(seen).toEqual([`Readiness probe failed: Get "http://10.244.0.2:80/": ${REFUSED} x6`])
})

it('[PS5] readiness is shown while the pod ends, the ends of other containers are not', async () => {
  const failing: SimProgram = {
    onSignal: { SIGTERM: 'ignore' },
    commands: { check: { exitCode: (ms) => (ms < 3000 ? 0 : 1) } },
  }
  const probe = { ...exec, periodSeconds: 1, failureThreshold: 1 }
  await play({ 'app:1': failing, 'b:1': { onSignal: { SIGTERM: { exit: 5 } } } }, probe, [{ name: 'b', image: 'b:1' }])
  const seen = world.changes
    .filter(({ pod }) => pod.metadata.deletionTimestamp)
    .map(({ pod: { status } }) =>
      status?.containerStatuses?.map(({ ready, state }) => `${ready} ${Object.keys(state ?? {})}`),
    )
  expect([...new Set(seen.map((texts) => texts?.join(', ')))]).toEqual([
    'true running, true running',
    'false running, true running',
    'false terminated, false terminated',
  ])
})

it('a pod that stays is not probed where it has ended', async () => {
  const crash = { ...answers, exitAfterMs: 1000, exitCode: 1 }
  world = await startWorld({ seed: 1, drain, programs: { 'app:1': crash } })
  const metadata = { namespace: 'default', name: 'p' }
  const spec = { containers: [{ name: 'app', image: 'app:1', readinessProbe: { ...exec, periodSeconds: 1 } }] }
  await world.through(world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }))
  await world.advance(9000)
  const { items } = await world.through(world.client.list(events, { namespace: 'default' }))
  expect(items.filter((e) => e.reason === 'Unhealthy')).toEqual([])
})
