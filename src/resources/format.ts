/** Texts of Table cells that several kinds share. Source: `kubectl get` of Kubernetes 1.36. */
import { humanDuration } from '../api/duration.ts'
import { parseTime } from '../api/time.ts'
import type { Container } from '../api/types/core-v1.gen.ts'
import type { LabelSelector } from '../api/types/meta-v1.gen.ts'

/** Time since `time` (RFC 3339), `<unknown>` when there is none. `now` in ms since 1970. */
export function since(time: string | null | undefined, now: number): string {
  const at = time ? parseTime(time) : undefined
  return at === undefined ? '<unknown>' : humanDuration(now - at)
}

/** `a=b,c=d`, sorted; `<none>` when empty. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  return pairs(labels).join(',') || '<none>'
}

function pairs(labels: Readonly<Record<string, string>> | undefined): string[] {
  return labels
    ? Object.keys(labels)
        .sort()
        .map((key) => `${key}=${labels[key]}`)
    : []
}

/** A label selector as text: `app=web,tier in (a,b),!gone`, sorted by key. Empty for one that selects everything. */
export function selectorText(selector: LabelSelector | undefined): string {
  const parts: { key: string; text: string }[] = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }))
  for (const { key, operator, values } of selector?.matchExpressions ?? []) {
    const list = [...(values ?? [])].sort().join(',')
    if (operator === 'Exists') parts.push({ key, text: key })
    else if (operator === 'DoesNotExist') parts.push({ key, text: `!${key}` })
    else parts.push({ key, text: `${key} ${operator === 'NotIn' ? 'notin' : 'in'} (${list})` })
  }
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((part) => part.text)
    .join(',')
}

export function formatSelector(selector: LabelSelector | undefined): string {
  return selectorText(selector) || '<none>'
}

/** Names and images of containers as two cells. */
export function containerCells(containers: readonly Container[] | undefined): [string, string] {
  const list = containers ?? []
  return [list.map((c) => c.name).join(','), list.map((c) => c.image ?? '').join(',')]
}

/** The first `max` of a list, and how many more there are: `a,b,c + 2 more...`. */
export function shortList(items: readonly string[], max: number): string {
  const shown = items.slice(0, max).join(',')
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown
}
