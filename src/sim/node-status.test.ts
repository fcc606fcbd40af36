import { expect, it } from 'vitest'
import type { Node } from '../api/types/core-v1.gen.ts'
import { events, leases, nodes } from '../client/resources.ts'
import { drain } from './drain.node.ts'
import { startWorld } from './world.ts'

it('[ND1] a node that others take for lost says within 10 s that it is not, and tells of it', async () => {
  const world = await startWorld({ seed: 1, drain, programs: {} })
  const node = () => world.through(world.client.get(nodes, { name: 'node-1' }))
  const ready = ({ status }: Node) => status?.conditions?.find((c) => c.type === 'Ready')
  const lost = (ready(await node()) ?? {}) as object
  const conditions = [
    { ...lost, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' },
  ]
  await world.through(
    world.client.patch(nodes, { name: 'node-1' }, { status: { conditions } }, { subresource: 'status' }),
  )
  expect(ready(await node())).toMatchObject({ status: 'Unknown' })
  await world.advance(10_001)
  expect(ready(await node())).toMatchObject({ status: 'True', reason: 'KubeletReady' })
  const told = (await world.through(world.client.list(events, { namespace: 'default' }))).items
  expect(told.filter((e) => e.reason === 'NodeReady').map((e) => e.count)).toEqual([2])
  await world.close()
})

it('[ND1] a node is Ready for as long as it renews its Lease, and 50 s longer', async () => {
  const world = await startWorld({ seed: 1, drain, programs: {} })
  const ready = async () => {
    const { status } = await world.through(world.client.get(nodes, { name: 'node-1' }))
    return status?.conditions?.find((c) => c.type === 'Ready')?.status
  }
  const renewed = async () => {
    const lease = await world.through(world.client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' }))
    return Date.parse(lease.spec?.renewTime ?? '')
  }
  for (let minute = 0; minute < 5; minute++) {
    await world.advance(60_000)
    expect(world.clock.now() - (await renewed())).toBeLessThanOrEqual(11_000)
    expect(await ready()).toBe('True')
  }
  await world.nodes.get('node-1')?.crash()
  const last = await renewed()
  await world.advance(last + 45_000 - world.clock.now())
  expect(await ready()).toBe('True')
  await world.advance(20_000)
  expect([await ready(), await renewed()]).toEqual(['Unknown', last])
  await world.through(world.nodes.get('node-1')?.restart() ?? Promise.resolve())
  await world.advance(11_000)
  expect(await ready()).toBe('True')
  await world.close()
})
