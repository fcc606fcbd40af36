/** What a rule of RBAC allows, and which rules another set of rules contains. Source: pkg/registry/rbac/validation. */
import type { Attributes, Rule } from './authorizer.ts'

type List = readonly string[] | undefined

const has = (list: List, value: string) => list !== undefined && (list.includes('*') || list.includes(value))

/** Whether a rule allows what is asked. */
export function covers(rule: Rule, asked: Attributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false
  if (!asked.isResource) return (rule.nonResourceURLs ?? []).some((url) => pathMatches(url, asked.path))
  if (!has(rule.apiGroups, asked.group)) return false
  const what = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource
  if (!hasResource(rule.resources, what)) return false
  return !rule.resourceNames?.length || rule.resourceNames.includes(asked.name)
}

/** A subresource of everything is asked for as `*`, a slash and its name. */
function hasResource(list: List, what: string): boolean {
  if (has(list, what)) return true
  const slash = what.indexOf('/')
  return slash >= 0 && list !== undefined && list.includes(`*${what.slice(slash)}`)
}

/** `*` at the end stands for anything. */
function pathMatches(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')))
}

/** The parts of `wanted` that `held` does not contain, put together again as far as Kubernetes does it. */
export function missingRules(held: readonly Rule[], wanted: readonly Rule[]): readonly Rule[] {
  return compacted(wanted.flatMap(atoms).filter((atom) => !held.some((rule) => contains(rule, atom))))
}

/** A rule as rules of one verb on one resource, one name or one path each. */
function atoms({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: Rule): Rule[] {
  const names = resourceNames.length > 0 ? resourceNames.map((name) => ({ resourceNames: [name] })) : [{}]
  const out: Rule[] = []
  for (const group of apiGroups)
    for (const resource of resources)
      for (const verb of verbs)
        for (const named of names) out.push({ apiGroups: [group], resources: [resource], verbs: [verb], ...named })
  for (const url of nonResourceURLs) for (const verb of verbs) out.push({ nonResourceURLs: [url], verbs: [verb] })
  return out
}

function contains(rule: Rule, atom: Rule): boolean {
  const every = (wanted: List, held: (value: string) => boolean) => (wanted ?? []).every(held)
  const names = rule.resourceNames ?? []
  return (
    every(atom.verbs, (verb) => has(rule.verbs, verb)) &&
    every(atom.apiGroups, (group) => has(rule.apiGroups, group)) &&
    every(atom.resources, (resource) => hasResource(rule.resources, resource)) &&
    every(atom.nonResourceURLs, (url) => (rule.nonResourceURLs ?? []).some((held) => pathMatches(held, url))) &&
    (names.length === 0 || (atom.resourceNames !== undefined && every(atom.resourceNames, (n) => names.includes(n))))
  )
}

/** The verbs on one resource in one rule. */
function compacted(rules: readonly Rule[]): readonly Rule[] {
  const byResource = new Map<string, Rule>()
  for (const rule of rules) {
    const { verbs: _, ...target } = rule
    const key = rule.nonResourceURLs ? JSON.stringify(rule) : JSON.stringify(target)
    const known = byResource.get(key)
    byResource.set(key, known ? { ...known, verbs: [...(known.verbs ?? []), ...(rule.verbs ?? [])] } : rule)
  }
  return [...byResource.values()]
}

/** A rule in one line, as errors show it. */
export function ruleText(rule: Rule): string {
  const part = (label: string, list: List) => (list?.length ? [`${label}:${quoted(list)}`] : [])
  const parts = [
    ...part('APIGroups', rule.apiGroups),
    ...part('Resources', rule.resources),
    ...part('NonResourceURLs', rule.nonResourceURLs),
    ...part('ResourceNames', rule.resourceNames),
    ...part('Verbs', rule.verbs),
  ]
  return `{${parts.join(', ')}}`
}

/** A list as Go's %q prints it. */
export const quoted = (list: readonly string[]) => `[${list.map((value) => JSON.stringify(value)).join(' ')}]`
