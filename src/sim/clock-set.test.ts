/** The machine's clock is set, or the machine sleeps, while pods wait and end: what is left of a wait or a grace stays the same. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Pod } from '../api/types/core-v1.gen.ts'
import { leases, nodes, pods } from '../client/resources.ts'
import { drain } from './drain.node.ts'
import { startWorld, type World, type WorldOptions } from './world.ts'

const HOUR_MS = 3_600_000

let world: World
afterEach(() => world.close())

async function live(container: object, programs: WorldOptions['programs']): Promise<void> {
  world = await startWorld({ seed: 1, drain, programs })
  const spec = { terminationGracePeriodSeconds: 10, containers: [{ name: 'app', image: 'app:1', ...container }] }
  const metadata = { namespace: 'default', name: 'p' }
  await world.through(world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }))
}

const starts = () => world.trace.filter((event) => event.step === 'container-started').length
const kills = () =>
  world.trace.filter(({ step, detail }) => step === 'signal-sent' && detail?.signal === 'SIGKILL').length

describe.each([HOUR_MS, -HOUR_MS])('the clock is set by %i ms', (byMs) => {
  it('during a preStop hook: the grace is neither cut off nor stretched', async () => {
    await live({ lifecycle: { preStop: { sleep: { seconds: 8 } } } }, { 'app:1': { onSignal: { SIGTERM: {} } } })
    await world.advance(2_000)
    await world.through(world.client.delete(pods, { namespace: 'default', name: 'p' }))
    await world.advance(3_000)
    world.clock.set(byMs)
    await world.advance(6_000)
    expect([kills(), world.pod('default/p') === undefined]).toEqual([0, false])
    await world.advance(4_000)
    expect([kills(), world.pod('default/p')]).toEqual([1, undefined])
  })

  it('during a back-off: the container comes back no later than it would have', async () => {
    await live({}, { 'app:1': { exitAfterMs: 100, exitCode: 1 } })
    await world.advance(5_000)
    const before = starts()
    expect((world.pod('default/p') as Pod).status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe(
      'CrashLoopBackOff',
    )
    world.clock.set(byMs)
    await world.advance(10_000)
    expect(starts()).toBeGreaterThan(before)
  })

  it('the node stays Ready, and its lease tells the new time', async () => {
    await live({}, { 'app:1': {} })
    await world.advance(20_000)
    world.clock.set(byMs)
    await world.advance(60_000)
    const { items } = await world.through(world.client.list(nodes))
    const [node] = items
    expect(node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
    expect(node?.spec?.taints ?? []).toEqual([])
    const lease = await world.through(
      world.client.get(leases, { namespace: 'kube-node-lease', name: node?.metadata.name ?? '' }),
    )
    const renewed = Date.parse(lease.spec?.renewTime ?? '')
    expect(world.clock.now() - renewed).toBeLessThan(11_000)
    expect(world.clock.now() - renewed).toBeGreaterThanOrEqual(0)
  })
})
