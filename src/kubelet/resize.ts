/**
 * Resizing a pod in place (KEP-1287) on a node that gives its containers no limits: what is asked for is never done, which the
 * status says, instead of showing it as if it were. Pure.
 */
import { compareQuantities } from '../api/quantity.ts'
import type { Container } from '../api/types/core-v1.gen.ts'
import type { ContainerView } from './pod-view.ts'

type Resources = Container['resources']

/** Condition of a pod whose resize was not done. */
export const RESIZE_PENDING = 'PodResizePending'

const MESSAGE = 'in-place resize is not supported on this node: limits of containers are not enforced'

/** undefined: the containers have what their pod asks for. */
export function resizePending(containers: readonly ContainerView[]) {
  const isPending = containers.some(({ spec, allocated }) => !sameResources(spec.resources, allocated))
  return isPending
    ? ({ type: RESIZE_PENDING, status: 'True', reason: 'Infeasible', message: MESSAGE } as const)
    : undefined
}

/** By value: `0.5` is `500m`. */
function sameResources(a: Resources, b: Resources): boolean {
  return (['requests', 'limits'] as const).every((field) => {
    const [one, other] = [a?.[field] ?? {}, b?.[field] ?? {}]
    const names = new Set([...Object.keys(one), ...Object.keys(other)])
    return [...names].every((name) => {
      const [x, y] = [one[name], other[name]]
      return x !== undefined && y !== undefined && compareQuantities(x, y) === 0
    })
  })
}
