import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

const TOLERATION = { key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }

const runtimeClass = (more: object) =>
  api.client.call('POST', '/apis/node.k8s.io/v1/runtimeclasses', { metadata: { name: 'c' }, handler: 'h', ...more })

const run = (spec: object) =>
  api.client.call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  }) as Promise<Pod>

const CLASS = { runtimeClassName: 'c' }

describe('a pod of a runtime class', () => {
  it('gets the overhead, the node selector and the tolerations of the class', async () => {
    await runtimeClass({
      overhead: { podFixed: { cpu: '250m', memory: '64Mi' } },
      scheduling: { nodeSelector: { sandbox: 'yes' }, tolerations: [TOLERATION] },
    })
    const { spec } = await run({ ...CLASS, nodeSelector: { disk: 'ssd' }, overhead: { cpu: '0.25', memory: '64Mi' } })
    expect(spec.overhead).toEqual({ cpu: '250m', memory: '64Mi' })
    expect(spec.nodeSelector).toEqual({ disk: 'ssd', sandbox: 'yes' })
    expect(spec.tolerations?.[0]).toEqual(TOLERATION)
  })

  it.each<[string, object, object, string]>([
    ['the class is not there', {}, { runtimeClassName: 'nosuch' }, 'pod rejected: RuntimeClass "nosuch" not found'],
    [
      'its overhead is another one',
      { overhead: { podFixed: { cpu: '1' } } },
      { ...CLASS, overhead: { cpu: '2' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'it has an overhead by itself',
      {},
      { overhead: { cpu: '2' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'it selects other nodes',
      { scheduling: { nodeSelector: { a: 'b' } } },
      { ...CLASS, nodeSelector: { a: 'c' } },
      'conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c',
    ],
  ])('is refused when %s', async (_, made, spec, why) => {
    await runtimeClass(made)
    await expect(run(spec)).rejects.toMatchObject({ code: 403, message: `pods "p" is forbidden: ${why}` })
  })
})
