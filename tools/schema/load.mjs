/**
 * Reads the definitions of Kubernetes' API from @kubernetes/client-node (fields, types, formats, required, descriptions)
 * and joins them with extras.gen.json. The package's files are read as text: importing all of it costs seconds.
 *
 * A definition: { name, group, version, short, doc, gvk, mapType, unions, properties: [{ name, doc, required, type, extras }] }
 * A type: { kind: 'string'|'boolean'|'number'|'int32'|'int64'|'double'|'byte'|'quantity'|'intOrString'|'time'|'microTime'
 *           |'raw'|'rawExtension'|'any' } | { kind: 'ref', to } | { kind: 'array'|'map', of }
 */
import { existsSync, readFileSync } from 'node:fs'

const MODELS = new URL('../../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url)
const read = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
const extras = read('extras.gen.json')
const capital = (text) => text[0].toUpperCase() + text.slice(1)

/** Short group of a definition's name: `core`, `apps`, `meta`. */
function parts(name) {
  const [short, version, group] = name.split('.').reverse()
  return { short, version, group }
}

/** client-node calls it V1Pod, or CoreV1Event where two groups have the name. */
function classOf(name) {
  const { short, version, group } = parts(name)
  return [`${capital(group)}${capital(version)}${short}`, `${capital(version)}${short}`].find((c) =>
    existsSync(new URL(`${c}.js`, MODELS)),
  )
}

const names = Object.keys(extras)
const byClass = new Map()
for (const name of names) {
  const found = classOf(name)
  if (found) byClass.set(found, name)
}
byClass.set('VersionInfo', 'io.k8s.apimachinery.pkg.version.Info')

function typeOf(text, format, override) {
  const array = /^Array<(.*)>$/.exec(text)
  if (array) return { kind: 'array', of: typeOf(array[1], format, override) }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(text)
  if (map) return { kind: 'map', of: typeOf(map[1], format, override) }
  if (override) return { kind: override }
  if (text === 'string') return { kind: format === 'byte' ? 'byte' : 'string' }
  if (text === 'boolean') return { kind: 'boolean' }
  if (text === 'number') return { kind: format || 'int64' }
  if (text === 'IntOrString') return { kind: 'intOrString' }
  if (text === 'Date' || text === 'V1MicroTime') return { kind: format === 'date-time-micro' ? 'microTime' : 'time' }
  if (text === 'any' || text === 'object') return { kind: 'any' }
  const to = byClass.get(text)
  if (!to) throw new Error(`client-node names a type that extras.gen.json lacks: ${text}`)
  return { kind: 'ref', to }
}

/** Undoes the escapes that client-node's generator put into doc comments. */
const plain = (doc) => doc.trim().replaceAll('\\"', '"').replaceAll("\\'", "'").replaceAll('*_/', '*/')

function docsOf(text) {
  const body = text.slice(text.indexOf('export declare class'))
  const head = text.slice(0, text.indexOf('export declare class'))
  const doc = [...head.matchAll(/\/\*\*\n\* ([\s\S]*?)\n\*\//g)].at(-1)?.[1] ?? ''
  const properties = new Map()
  for (const m of body.matchAll(/(?: {4}\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n)? {4}'([^']+)'(\??): /g))
    properties.set(m[2], { doc: plain(m[1] ?? ''), required: m[3] === '' })
  return { doc: plain(doc), properties }
}

function definition(className, name) {
  const js = readFileSync(new URL(`${className}.js`, MODELS), 'utf8')
  const docs = docsOf(readFileSync(new URL(`${className}.d.ts`, MODELS), 'utf8'))
  const start = js.indexOf('attributeTypeMap = [') + 'attributeTypeMap = '.length
  const attributes = JSON.parse(js.slice(start, js.indexOf('];', start) + 1))
  const { properties: more = {}, ...own } = extras[name]
  return {
    name,
    ...parts(name),
    doc: docs.doc,
    ...own,
    properties: attributes.map((a) => {
      const { type, ref, ...rest } = more[a.baseName] ?? {}
      const described = docs.properties.get(a.name) ?? docs.properties.get(a.baseName)
      return {
        name: a.baseName,
        doc: described?.doc ?? '',
        required: described?.required ?? false,
        type: typeOf(a.type, a.format, type),
        ...(ref ? { ref } : {}),
        extras: rest,
      }
    }),
  }
}

/** All definitions as the package tells them, sorted by name. */
export function loadPackage() {
  return [...byClass].map(([className, name]) => definition(className, name)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * All definitions, with the descriptions that the package lost (those of fields that refer to another definition), fields in
 * the order that Kubernetes writes them, and what go.gen.json tells of each: `flags` and `goType`.
 */
export function loadDefinitions() {
  const docs = read('descriptions.gen.json')
  const go = read('go.gen.json')
  return loadPackage().map((d) => {
    const lines = (go[d.name] ?? []).map((line) => line.split(' '))
    const place = new Map(lines.map(([name], i) => [name, i]))
    const properties = d.properties.map((p) => {
      const [, flags = p.extras.default === undefined ? 'po' : 'o', goType] = lines[place.get(p.name)] ?? []
      return { ...p, doc: docs[d.name]?.[p.name] ?? p.doc, flags, goType }
    })
    const order = (p) => place.get(p.name) ?? lines.length
    return { ...d, doc: docs[d.name]?.[''] ?? d.doc, properties: properties.sort((a, b) => order(a) - order(b)) }
  })
}

/** Definitions without fields, as published, and the parameters of operations. */
export const special = read('special.gen.json')
export const parameters = read('parameters.gen.json')
