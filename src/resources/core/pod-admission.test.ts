import { expect, it } from 'vitest'
import type { Draft } from '../../api/object.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { SeededRandom } from '../../base/random.ts'
import type { Context } from '../declaration.ts'
import { admitPod } from './pod-admission.ts'

/** A cluster with nothing in it. */
const context: Context = {
  now: '2026-01-01T00:00:00Z',
  nowMs: 0,
  lookup: () => undefined,
  list: () => [],
  user: { name: 'somebody', groups: [] },
  dryRun: false,
  random: new SeededRandom(1),
  warn: () => {},
}

it.each([
  [{ name: 'p' }, 'pods "p" is forbidden'],
  // All attempts of one controller are refused in the same words: its event counts up.
  [{ name: 'web-x7k2p', generateName: 'web-' }, 'pods "web-" is forbidden'],
])('refuses a pod of an account that is not there: %j', (metadata, start) => {
  const pod = { metadata: { ...metadata, namespace: 'default' }, spec: { serviceAccountName: 'robot', containers: [] } }
  expect(() => admitPod(pod as unknown as Draft<Pod>, context)).toThrow(
    `${start}: error looking up service account default/robot: serviceaccount "robot" not found`,
  )
})
