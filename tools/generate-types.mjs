/** Writes src/api/types/<group>-<version>.gen.ts: TypeScript interfaces of Kubernetes' API kinds. Types only, no run-time cost. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadDefinitions } from './schema/load.mjs'

const OUT = new URL('../src/api/types/', import.meta.url)
/** Declared by hand in object.ts. */
const BY_HAND = new Set(['ObjectMeta', 'OwnerReference', 'ManagedFieldsEntry', 'ListMeta', 'DeleteOptions'])
/** Files that something imports; a new kind of another group adds its own. */
const FILES = new Set([
  'apps-v1',
  'autoscaling-v1',
  'autoscaling-v2',
  'batch-v1',
  'certificates-v1',
  'coordination-v1',
  'core-v1',
  'discovery-v1',
  'events-v1',
  'flowcontrol-v1',
  'meta-v1',
  'networking-v1',
  'node-v1',
  'policy-v1',
  'rbac-v1',
  'resource-v1',
  'scheduling-v1',
  'storage-v1',
])
/** Kinds whose spec may well be absent. */
const SPEC_OPTIONAL = new Set(['Namespace', 'Node'])
const SCALARS = {
  string: 'string',
  byte: 'string',
  quantity: 'string',
  time: 'string',
  microTime: 'string',
  boolean: 'boolean',
  int32: 'number',
  int64: 'number',
  double: 'number',
  intOrString: 'number | string',
  raw: 'unknown',
  rawExtension: 'unknown',
  any: 'unknown',
}

const definitions = loadDefinitions()
const byName = new Map(definitions.map((d) => [d.name, d]))
const fileOf = (d) => `${d.group}-${d.version}`
const files = Map.groupBy
  ? Map.groupBy(definitions, fileOf)
  : definitions.reduce((m, d) => m.set(fileOf(d), [...(m.get(fileOf(d)) ?? []), d]), new Map())

const oneLine = (doc) =>
  doc
    .split(/(?<=\.)\s/)[0]
    .replaceAll('*/', '')
    .slice(0, 110)
    .trim()
const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`)

function render(file, list) {
  const own = new Set(list.map((d) => d.short))
  const imports = new Map()
  const refer = (to) => {
    const d = byName.get(to)
    const hand = d.group === 'meta' && BY_HAND.has(d.short)
    if (!hand && fileOf(d) === file) return d.short
    const from = hand ? '../object.ts' : `./${fileOf(d)}.gen.ts`
    const local = own.has(d.short) && !hand ? `${d.group[0].toUpperCase()}${d.group.slice(1)}${d.short}` : d.short
    if (!imports.has(from)) imports.set(from, new Set())
    imports.get(from).add(local === d.short ? d.short : `${d.short} as ${local}`)
    return local
  }
  const text = (type) => {
    if (type.kind === 'ref') return refer(type.to)
    if (type.kind === 'array') {
      const of = text(type.of)
      return `readonly ${of.includes('|') || of.startsWith('readonly') ? `(${of})` : of}[]`
    }
    if (type.kind === 'map') return `Readonly<Record<string, ${text(type.of)}>>`
    if (type.kind in SCALARS) return SCALARS[type.kind]
    throw new Error(`unknown type kind ${type.kind}`)
  }
  const bodies = []
  for (const d of list) {
    if (d.group === 'meta' && BY_HAND.has(d.short)) continue
    const topLevel = d.properties.some((p) => p.name === 'metadata' && p.type.to?.endsWith('.ObjectMeta'))
    const isKind = topLevel && d.gvk !== undefined
    const isList = d.gvk !== undefined && d.properties.some((p) => p.type.to?.endsWith('.ListMeta'))
    const lines = d.properties.map((p) => {
      const needed =
        p.required ||
        ((isKind || isList) && p.name === 'metadata') ||
        (isKind && p.name === 'spec' && !SPEC_OPTIONAL.has(d.short))
      return `  readonly ${key(p.name)}${needed ? '' : '?'}: ${text(p.type)}`
    })
    bodies.push(
      `/** ${oneLine(d.doc)} */\nexport interface ${d.short} {\n${lines.join('\n')}${lines.length ? '\n' : ''}}\n`,
    )
  }
  const head = [...imports]
    .sort()
    .map(([from, set]) => `import type { ${[...set].sort().join(', ')} } from '${from}'\n`)
  return `// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.\n${head.join('')}\n${bodies.join('\n')}`
}

mkdirSync(OUT, { recursive: true })
for (const [file, list] of files) if (FILES.has(file)) writeFileSync(new URL(`${file}.gen.ts`, OUT), render(file, list))
