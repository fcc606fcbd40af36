/**
 * Refreshes tools/schema/extras.gen.json: the facts of Kubernetes' published OpenAPI documents that @kubernetes/client-node
 * does not carry (full definition names, group-version-kinds, merge keys, list and map types, enums, defaults, which
 * strings are quantities). Needs the reference data folder; run it only when the Kubernetes version moves.
 *
 * Also special.gen.json (definitions that are no structs), parameters.gen.json (the query parameters of operations) and
 * descriptions.gen.json: the texts that differ from the package's, which drops those of fields that refer elsewhere.
 *
 *   node tools/schema/extract-extras.mjs ../shared/kubernetes-1.36
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const dir = process.argv[2] ?? '../shared/kubernetes-1.36'
const read = (file) => JSON.parse(gunzipSync(readFileSync(join(dir, file))).toString())

const v2 = read('swagger.json.gz').definitions
const v3 = {}
for (const file of readdirSync(join(dir, 'openapi-v3')).filter((f) => f.endsWith('.gz')))
  Object.assign(v3, read(join('openapi-v3', file)).components?.schemas)

/** What has no fields: scalars with a name, and any JSON. */
const special = Object.fromEntries(
  Object.entries({ ...v2, ...v3 })
    .filter(([name, schema]) => !schema.properties && name.startsWith('io.k8s.') && !/v1(alpha|beta)/.test(name))
    .sort(),
)
writeFileSync(new URL('special.gen.json', import.meta.url), `${JSON.stringify(special, null, 1)}\n`)

/** Query parameters by name; those that differ between operations also by `name/action`. */
function parameters() {
  const out = {}
  for (const file of readdirSync(join(dir, 'openapi-v3')).filter((f) => f.startsWith('api') && f.endsWith('.gz')))
    for (const [path, item] of Object.entries(read(join('openapi-v3', file)).paths ?? {}))
      for (const [method, operation] of Object.entries(item).filter(([m]) => m !== 'parameters'))
        for (const { name, ...rest } of [...(item.parameters ?? []), ...(operation.parameters ?? [])]) {
          if (name === 'name' || name === 'path') continue
          const known = out[name]
          const variant = /pods\/\{name\}\/(attach|exec|log)$/.exec(path)?.[1] ?? method
          if (known === undefined) out[name] = rest
          else if (JSON.stringify(known) !== JSON.stringify(rest)) out[`${name}/${variant}`] = rest
        }
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)))
}
writeFileSync(new URL('parameters.gen.json', import.meta.url), `${JSON.stringify(parameters(), null, 1)}\n`)

/** Strings of Go that are more than strings in JSON, told apart by the name they refer to. */
const TYPES = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'raw',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'rawExtension',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': 'raw',
}

/** The definition that a property, or its elements, refer to. */
function refOf(schema) {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (ref) return ref.split('/').at(-1)
  const inner = schema.items ?? schema.additionalProperties
  return inner ? refOf(inner) : undefined
}

function typeOf(schema) {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (ref) return TYPES[ref.split('/').at(-1)]
  const inner = schema.items ?? schema.additionalProperties
  return inner ? typeOf(inner) : undefined
}

function extrasOf(prop, prop3) {
  const out = {}
  const type = typeOf(prop)
  if (type) out.type = type
  else if (special[refOf(prop)]) out.ref = refOf(prop)
  if (prop['x-kubernetes-patch-merge-key']) out.mergeKey = prop['x-kubernetes-patch-merge-key']
  if (prop['x-kubernetes-patch-strategy']) out.strategy = prop['x-kubernetes-patch-strategy']
  if (prop['x-kubernetes-list-type']) out.listType = prop['x-kubernetes-list-type']
  if (prop['x-kubernetes-list-map-keys']) out.listKeys = prop['x-kubernetes-list-map-keys']
  if (prop['x-kubernetes-map-type']) out.mapType = prop['x-kubernetes-map-type']
  if (prop3?.enum) out.enum = prop3.enum
  if (prop3?.default !== undefined) out.default = prop3.default
  const item = prop3?.items ?? prop3?.additionalProperties
  if (item?.default !== undefined) out.itemDefault = item.default
  if (item?.enum) out.itemEnum = item.enum
  return out
}

const STABLE = /\.(v1|v2|version|runtime)\.[A-Za-z]+$/
const out = {}
for (const name of Object.keys({ ...v2, ...v3 }).sort()) {
  if (!STABLE.test(name)) continue
  const a = v3[name] ?? v2[name]
  const b = v2[name] ?? v3[name]
  const entry = {}
  const gvk = a['x-kubernetes-group-version-kind']
  // Those of meta/v1 are said to be of every group that uses them; each document names its own.
  const own = name.includes('.meta.v1.') ? gvk?.filter((g) => g.group === '') : gvk
  if (own?.length)
    entry.gvk = own.map((g) => (g.group ? `${g.group}/${g.version}/${g.kind}` : `${g.version}/${g.kind}`))
  if (a['x-kubernetes-map-type']) entry.mapType = a['x-kubernetes-map-type']
  if (a['x-kubernetes-unions']) entry.unions = a['x-kubernetes-unions']
  const properties = {}
  for (const [key, prop] of Object.entries(b.properties ?? {})) {
    const extras = extrasOf(prop, v3[name]?.properties?.[key])
    if (Object.keys(extras).length) properties[key] = extras
  }
  if (Object.keys(properties).length) entry.properties = properties
  out[name] = entry
}
const lines = Object.entries(out).map(([name, entry]) => `  ${JSON.stringify(name)}: ${JSON.stringify(entry)}`)
writeFileSync(new URL('extras.gen.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)

const { loadPackage } = await import('./load.mjs')
const docs = {}
for (const d of loadPackage()) {
  const published = v3[d.name] ?? v2[d.name]
  const differing = {}
  if ((published.description ?? '') !== d.doc) differing[''] = published.description ?? ''
  for (const p of d.properties) {
    const text = published.properties[p.name]?.description ?? ''
    if (text !== p.doc) differing[p.name] = text
  }
  if (Object.keys(differing).length) docs[d.name] = differing
}
const texts = Object.entries(docs).map(([name, entry]) => `  ${JSON.stringify(name)}: ${JSON.stringify(entry)}`)
writeFileSync(new URL('descriptions.gen.json', import.meta.url), `{\n${texts.join(',\n')}\n}\n`)
