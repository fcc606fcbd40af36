/**
 * Refreshes tools/schema/go.gen.json: facts of Kubernetes' Go types that shape its JSON and its error messages and that
 * OpenAPI does not publish: the order of fields, which are pointers (an empty value is kept) and which are left out when
 * empty, and the Go name of a type where it is not the plain one. Needs git clones of kubernetes/api and
 * kubernetes/apimachinery (and kubernetes/apiextensions-apiserver, kubernetes/kube-aggregator when given); run it only when the Kubernetes version moves.
 *
 *   node tools/schema/extract-go.mjs <api.git> <apimachinery.git>
 *
 * A field is written `name flags [goType]`; flags: p pointer, o omitempty, z omitzero, `-` none.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { loadPackage } from './load.mjs'

const [api, machinery] = process.argv.slice(2)

function source(d) {
  if (d.name.startsWith('io.k8s.api.')) return [api, `${d.group}/${d.version}`]
  if (d.group === 'pkg') return [machinery, 'pkg/version']
  if (d.group === 'meta') return [machinery, 'pkg/apis/meta/v1']
  return undefined
}

const packages = new Map()

/** Structs and named types of a Go package, from its types*.go. */
function readPackage(repo, dir) {
  const key = `${repo}:${dir}`
  if (packages.has(key)) return packages.get(key)
  const git = (...args) => execFileSync('git', ['-C', repo, ...args], { maxBuffer: 1 << 26 }).toString()
  const files = git('ls-tree', '--name-only', 'HEAD', `${dir}/`)
    .split('\n')
    .filter((f) => /types[^/]*\.go$/.test(f) && !f.endsWith('_test.go'))
  const structs = new Map()
  for (const file of files) {
    const text = git('show', `HEAD:${file}`)
    for (const m of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) structs.set(m[1], m[2])
  }
  packages.set(key, structs)
  return structs
}

function fieldsOf(structs, name, version) {
  const body = structs.get(name)
  if (body === undefined) return undefined
  const out = []
  for (const line of body.split('\n')) {
    const m = /^\t(?:(\w+) +)?([*\w.[\]]+)\s+`(?:[^`]*\s)?json:"([^"]*)"[^`]*`/.exec(line.replace(/\s+\/\/.*$/, ''))
    if (!m) continue
    const [, , go, tag] = m
    const [json, ...flags] = tag.split(',')
    if (flags.includes('inline') || json === '') {
      const inner = go.replace(/^.*\./, '')
      if (inner === 'TypeMeta') out.push('kind o', 'apiVersion o')
      else out.push(...(fieldsOf(structs, inner, version) ?? []))
    } else if (json !== '-') {
      const letters = `${go.startsWith('*') ? 'p' : ''}${flags.includes('omitempty') ? 'o' : ''}${flags.includes('omitzero') ? 'z' : ''}`
      out.push(`${json} ${letters || '-'} ${printed(go.replace(/^\*/, ''), version)}`)
    }
  }
  return out
}

/** Go prints a type with the name of its package, not with the alias of the import. */
function printed(go, version) {
  return go.replace(/((?:\w+\.)?)(\w+)$/, (_, alias, name) => {
    if (/^(string|bool|int32|int64|int|float64|byte|uint8)$/.test(name) && alias === '')
      return name === 'byte' ? 'uint8' : name
    if (/^(types|intstr|resource|runtime)\.$/.test(alias)) return alias + name
    if (alias !== '') return `v1.${name}`
    return `${version}.${name}`
  })
}

function plain(type) {
  if (type.kind === 'array') return `[]${plain(type.of)}`
  if (type.kind === 'map') return `map[string]${plain(type.of)}`
  if (type.kind === 'ref') return type.to.split('.').slice(-2).join('.')
  const names = { boolean: 'bool', byte: '[]uint8', double: 'float64', time: 'v1.Time', microTime: 'v1.MicroTime' }
  return { ...names, quantity: 'resource.Quantity', intOrString: 'intstr.IntOrString' }[type.kind] ?? type.kind
}

const out = {}
for (const d of loadPackage()) {
  const from = source(d)
  const fields = from && fieldsOf(readPackage(...from), d.short, d.version)
  if (!fields) {
    console.error(`no Go source for ${d.name}`)
    continue
  }
  const types = new Map(d.properties.map((p) => [p.name, p.type]))
  out[d.name] = fields
    .filter((f) => types.has(f.split(' ')[0]))
    .map((f) => {
      const [name, flags, go] = f.split(' ')
      return go === undefined || go === plain(types.get(name)) ? `${name} ${flags}` : f
    })
  const lost = [...types.keys()].filter((name) => !out[d.name].some((f) => f.startsWith(`${name} `)))
  if (lost.length) console.error(`${d.name}: no Go field for ${lost.join(', ')}`)
}
const lines = Object.entries(out).map(([name, fields]) => `  ${JSON.stringify(name)}: ${JSON.stringify(fields)}`)
writeFileSync(new URL('go.gen.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
