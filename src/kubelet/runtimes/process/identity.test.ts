import { describe, expect, it } from 'vitest'
import { capabilitiesOf } from './capabilities.ts'
import { FIRST_HOST_ID, HOST_IDS, hasManyIds, hostId, idMap } from './identity.ts'

const USERS = [0, 1, 33, 1000, 65_533, 65_534, 65_535, 65_536, 1_000_680_000, 4_294_967_294]

describe('the ids behind a container', () => {
  it.each(USERS)('are none of the host: user %s of a pod with ids of its own', (id) => {
    const host = hostId('pod', id)
    expect(host).toBeGreaterThanOrEqual(FIRST_HOST_ID)
    expect(host).toBeLessThan(FIRST_HOST_ID + HOST_IDS)
  })

  it('are those of the node for the root of a pod that mounts host files, and for nobody else in it', () => {
    expect(USERS.filter((id) => hostId('node', id) < FIRST_HOST_ID)).toEqual([0])
  })

  it('are not shared by the two sorts of pods', () => {
    for (const id of [0, 1, 1000, 65_535]) expect(hostId('pod', id)).not.toBe(hostId('node', id))
  })

  it.each(['pod', 'node'] as const)('are mapped as they are counted: %s', (scope) => {
    const lines = idMap(scope, [1_000_680_000, 70_000, 5])
      .split('\n')
      .map((line) => line.split(' ').map(Number) as [number, number, number])
    for (const id of [0, 1, 1000, 65_535, 70_000, 1_000_680_000]) {
      const [inside, outside] = lines.find(([from, , count]) => id >= from && id < from + count) ?? []
      expect((outside as number) + id - (inside as number)).toBe(hostId(scope, id))
    }
  })

  it('are mapped once where two large ones share one of the host', () => {
    const same = [100_000, 100_000 + 65_536]
    expect(idMap('pod', same).split('\n')).toEqual([`0 ${FIRST_HOST_ID} 65536`, `100000 ${hostId('pod', 100_000)} 1`])
  })

  it.each([
    ['the whole of a host', '         0          0 4294967295\n', true],
    ['a single one', '         0       1000          1\n', false],
    ['those of a container', '         0     100000      65536\n', false],
    ['nothing', '', false],
  ])('can be had of %s: ', (_what, text, expected) => expect(hasManyIds(text)).toBe(expected))
})

describe('capabilities', () => {
  const none = { add: [], drop: [] }

  it('are containerd’s for root, and none for others', () => {
    expect(capabilitiesOf(0, none)).toHaveLength(14)
    expect(capabilitiesOf(1000, { add: ['ALL'], drop: [] })).toEqual([])
  })

  it.each([
    [{ add: [], drop: ['ALL'] }, []],
    [{ add: ['NET_ADMIN'], drop: ['ALL'] }, ['NET_ADMIN']],
    [{ add: ['CHOWN', 'KILL'], drop: ['ALL', 'KILL'] }, ['CHOWN']],
  ])('are what %j leaves', (asked, expected) => expect(capabilitiesOf(0, asked)).toEqual(expected))

  it('never hold the one that could take the sandbox apart', () => {
    for (const add of [['SYS_ADMIN'], ['ALL'], ['ALL', 'SYS_ADMIN']])
      expect(capabilitiesOf(0, { add, drop: [] })).not.toContain('SYS_ADMIN')
    expect(capabilitiesOf(0, { add: ['ALL'], drop: [] })).toHaveLength(40)
  })

  it('that Linux has not are refused in containerd’s words', () => {
    expect(() => capabilitiesOf(0, { add: ['FLY'], drop: [] })).toThrow('invalid capability: "CAP_FLY"')
  })
})
