import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { absent, reference } from '../../tools/golden/reference.mjs'
import { RESOURCES } from '../resources/index.ts'
import { aggregated } from './discovery.ts'
import { VIRTUAL_RESOURCES } from './virtual/index.ts'

interface Resource {
  readonly resource: string
  readonly subresources?: readonly { readonly subresource: string }[]
}
interface Group {
  readonly metadata: { readonly name?: string }
  readonly versions: readonly { readonly version: string; readonly resources: readonly Resource[] }[]
}

const file = reference('kubernetes-1.36', 'discovery.json')
if (!file) console.log(absent('kubernetes-1.36/discovery.json'))

/** Subresources of kinds that ebb does not serve yet. */
const LATER = ['resize', 'ephemeralcontainers', 'podgroup']

function byName(groups: readonly Group[]): Map<string, Resource> {
  const out = new Map<string, Resource>()
  for (const { metadata, versions } of groups)
    for (const { version, resources } of versions)
      for (const resource of resources)
        out.set(`${metadata.name ?? ''}/${version}/${resource.resource}`, known(resource))
  return out
}

function known({ subresources, ...resource }: Resource): Resource {
  const kept = (subresources ?? [])
    .filter((s) => !LATER.includes(s.subresource))
    .sort((a, b) => (a.subresource < b.subresource ? -1 : 1))
  return kept.length > 0 ? { ...resource, subresources: kept } : resource
}

const all = [...RESOURCES, ...VIRTUAL_RESOURCES]
const ours = byName([
  ...(aggregated(all, 'core') as { items: Group[] }).items,
  ...(aggregated(all, 'named') as { items: Group[] }).items,
])

describe.skipIf(!file)('discovery says of every resource what Kubernetes says', () => {
  const documents = file
    ? Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, { items: Group[] }>)
    : []
  const theirs = byName(documents.flatMap((document) => document.items))
  it.each([...ours.keys()])('%s', (name) => {
    expect(ours.get(name)).toEqual(theirs.get(name))
  })

  // ComponentStatus is deprecated: it tells of parts that ebb has in one process.
  it('and leaves out one', () => {
    expect([...theirs.keys()].filter((name) => !ours.has(name))).toEqual(['/v1/componentstatuses'])
  })
})
