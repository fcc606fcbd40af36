import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { definition } from '../api/schema.ts'
import { RESOURCES } from './index.ts'

const shared = process.env.EBB_SHARED ?? new URL('../../../shared', import.meta.url).pathname
const folder = `${shared}/kubernetes-1.36`
const present = existsSync(folder)
if (!present) console.log(`skipped: no reference data in ${folder} (set EBB_SHARED)`)

const read = (name: string): unknown => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'))

interface Discovered {
  readonly resource: string
  readonly responseKind: { readonly kind: string }
  readonly scope: string
  readonly singularResource: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly verbs: readonly string[]
  readonly subresources?: readonly { readonly subresource: string; readonly verbs: readonly string[] }[]
}

function discovered(): Map<string, Discovered> {
  const found = new Map<string, Discovered>()
  const documents = Object.values(read('discovery.json') as Record<string, unknown>) as {
    items?: { metadata: { name?: string }; versions: { version: string; resources: Discovered[] }[] }[]
  }[]
  for (const { items } of documents) {
    for (const { metadata, versions } of items ?? []) {
      for (const { version, resources } of versions) {
        for (const resource of resources) {
          found.set(`${metadata.name ? `${metadata.name}/` : ''}${version}/${resource.resource}`, resource)
        }
      }
    }
  }
  return found
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const keyOf = (r: (typeof RESOURCES)[number]) => `${r.group ? `${r.group}/` : ''}${r.version}/${r.plural}`

it('declares each resource once, with a definition of the schema', () => {
  expect(new Set(RESOURCES.map(keyOf)).size).toBe(RESOURCES.length)
  for (const resource of RESOURCES) expect(definition(resource.definition).short).toBe(resource.kind)
})

describe.skipIf(!present)('against the reference data', () => {
  const tables = present ? (read('tables.json') as Record<string, { columnDefinitions: unknown[] }>) : {}
  const resources = present ? discovered() : new Map<string, Discovered>()

  it.each(RESOURCES.map((r) => [keyOf(r), r] as const))(
    '%s has the names and columns of Kubernetes',
    (key, resource) => {
      const real = resources.get(key)
      expect(resource.columns).toEqual(tables[key]?.columnDefinitions)
      expect(resource.kind).toBe(real?.responseKind.kind)
      expect(resource.singular).toBe(real?.singularResource)
      expect(resource.namespaced).toBe(real?.scope === 'Namespaced')
      expect(resource.shortNames ?? []).toEqual(real?.shortNames ?? [])
      expect(resource.categories ?? []).toEqual(real?.categories ?? [])
      expect([...(resource.verbs ?? ALL_VERBS)].sort()).toEqual([...(real?.verbs ?? [])].sort())
      const own = [
        ...(resource.subresources ?? []).map((s) => `${s.name} ${[...s.verbs].sort().join()}`),
        ...(resource.actions ?? []).map((a) => `${a.name} ${[...a.verbs].sort().join()}`),
        ...(resource.scale ? ['scale get,patch,update'] : []),
      ]
      const theirs = (real?.subresources ?? []).map((s) => `${s.subresource} ${[...s.verbs].sort().join()}`)
      expect(own.sort()).toEqual(theirs.sort())
    },
  )

  it.each(RESOURCES.map((r) => [keyOf(r), r] as const))(
    '%s fills every cell of a row, also for an empty object',
    (_key, resource) => {
      const draft = { metadata: { name: 'x', creationTimestamp: '2030-01-01T00:00:00Z' } }
      resource.default?.(draft)
      expect(resource.row(draft, 0)).toHaveLength(resource.columns.length)
    },
  )
})
