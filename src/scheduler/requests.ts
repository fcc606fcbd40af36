/** What a pod asks for. CPU in thousandths of a core, memory in bytes, everything else in its own unit. */
import { quantityMilliValue, quantityValue } from '../api/quantity.ts'
import type { Container, Pod } from '../api/types/core-v1.gen.ts'

export type Amounts = ReadonlyMap<string, number>

const cache = new WeakMap<Pod, Amounts>()

/** The most the pod needs at any time: its containers and sidecars together, or an init container with the sidecars before it. */
export function requestsOf(pod: Pod): Amounts {
  let amounts = cache.get(pod)
  if (!amounts) {
    amounts = computeRequests(pod)
    cache.set(pod, amounts)
  }
  return amounts
}

function computeRequests({ spec }: Pod): Amounts {
  const total = new Map<string, number>()
  for (const container of spec.containers) add(total, containerRequests(container))
  const sidecars = new Map<string, number>()
  const initPeak = new Map<string, number>()
  for (const container of spec.initContainers ?? []) {
    const requests = containerRequests(container)
    if (container.restartPolicy === 'Always') {
      add(total, requests)
      add(sidecars, requests)
      raise(initPeak, sidecars)
    } else {
      const together = new Map(sidecars)
      add(together, requests)
      raise(initPeak, together)
    }
  }
  raise(total, initPeak)
  for (const [name, text] of Object.entries(spec.resources?.requests ?? {})) total.set(name, amountOf(name, text))
  add(total, amounts(spec.overhead))
  return total
}

function containerRequests({ resources }: Container): Amounts {
  return amounts(resources?.requests)
}

export function amounts(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(quantities ?? {}).map(([name, text]) => [name, amountOf(name, text)]))
}

function amountOf(name: string, text: string): number {
  return name === 'cpu' ? quantityMilliValue(text) : quantityValue(text)
}

function add(total: Map<string, number>, more: Amounts): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + amount)
}

function raise(total: Map<string, number>, floor: Amounts): void {
  for (const [name, amount] of floor) total.set(name, Math.max(total.get(name) ?? 0, amount))
}
