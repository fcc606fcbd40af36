import { expect, it } from 'vitest'
import type { KubernetesObject } from '../api/object.ts'
import { deployment } from './apps/deployment.ts'
import { replicaSet } from './apps/replica-set.ts'
import { namespace } from './core/namespace.ts'
import { node } from './core/node.ts'
import { replicationController } from './core/replication-controller.ts'
import type { Context, ResourceDeclaration, WriteStrategy } from './declaration.ts'

const text = (errors: readonly { field: string; message: string }[] = []) =>
  errors.map((e) => `${e.field}: ${e.message}`)

function statusErrors(kind: ResourceDeclaration<never>, status: object, old: object = {}): string[] {
  const strategy = kind.subresources?.find((s) => s.name === 'status')?.strategy as unknown as
    | WriteStrategy<KubernetesObject>
    | undefined
  const object = (value: object) => ({ metadata: { name: 'x' }, status: value }) as KubernetesObject
  return text(strategy?.validate?.(object(status), object(old), {} as Context))
}

it.each([
  ['ReplicaSet', replicaSet],
  ['ReplicationController', replicationController],
] as const)('a %s has no more of anything than replicas', (_kind, kind) => {
  expect(statusErrors(kind as never, { replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 1 })).toEqual([])
  expect(
    statusErrors(kind as never, { replicas: 1, fullyLabeledReplicas: -1, readyReplicas: 2, availableReplicas: 3 }),
  ).toEqual([
    'status.fullyLabeledReplicas: Invalid value: -1: must be greater than or equal to 0',
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
  ])
})

it('a Deployment counts collisions upwards', () => {
  const kind = deployment as never
  expect(statusErrors(kind, { replicas: 1, updatedReplicas: 2 })).toEqual([
    'status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ])
  expect(statusErrors(kind, { collisionCount: 1 }, { collisionCount: 2 })).toEqual([
    'status.collisionCount: Invalid value: 1: cannot be decremented',
  ])
})

it('a Namespace is Active until it is Terminating', () => {
  expect(statusErrors(namespace as never, {})).toEqual([
    'status.Phase: Invalid value: "": may only be \'Active\' if `deletionTimestamp` is empty',
  ])
})

it('a Node has networks that are some', () => {
  const errors = (podCIDRs: string[]) =>
    text(node.strategy.validate?.({ metadata: {}, spec: { podCIDRs } } as never, undefined, {} as Context))
  expect(errors(['10.1.0.0/16'])).toEqual([])
  expect(errors(['abc'])).toEqual([
    'spec.podCIDRs[0]: Invalid value: "abc": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ])
  expect(errors(['10.1.0.0/16', '10.2.0.0/16'])).toEqual([
    'spec.podCIDRs: Invalid value: ["10.1.0.0/16","10.2.0.0/16"]: may specify no more than one CIDR for each IP family',
  ])
})

it('a Node has no negative amounts, no address twice, and no taint twice', () => {
  const addresses = [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'InternalIP', address: '10.0.0.1' },
  ]
  expect(statusErrors(node as never, { capacity: { cpu: '-1' }, addresses })).toEqual([
    'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
    'status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}',
  ])
  const taint = { key: 'a', value: 'b', effect: 'NoSchedule' }
  const tainted = { metadata: { name: 'n' }, spec: { taints: [taint, taint] } }
  expect(text(node.strategy.validate?.(tainted as never, undefined, {} as Context))).toEqual([
    'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"b","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
  ])
})
