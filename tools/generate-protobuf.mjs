#!/usr/bin/env node
/**
 * Makes src/api/types/protobuf.gen.ts: the field numbers of Kubernetes' wire protocol, for the definitions of the schema table.
 * Types come from that table; all that is taken from the published .proto files is which number a field has, and which fields
 * are embedded structs (their own fields stand in the outer object in JSON).
 *
 *   node tools/generate-protobuf.mjs FOLDER     FOLDER holds generated.proto files of k8s.io/api and k8s.io/apimachinery 1.36
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder] = process.argv.slice(2)
if (!folder) {
  console.error('usage: node tools/generate-protobuf.mjs FOLDER')
  process.exit(2)
}

/** `k8s.io.api.core.v1` -> `core.v1`, the short form of the schema table. */
const shorten = (name) => name.replace(/^k8s\.io\.api\./, '').replace(/^k8s\.io\.apimachinery\.pkg\.apis\./, '')

const messages = new Map()
for (const path of readdirSync(folder, { recursive: true }).filter((p) => p.endsWith('.proto'))) {
  const text = readFileSync(join(folder, path), 'utf8').replace(/\/\/[^\n]*/g, '')
  const pack = /^package ([\w.]+);/m.exec(text)[1]
  for (const [, name, body] of text.matchAll(/^message (\w+) \{([^}]*)\}/gm)) {
    const fields = [...body.matchAll(/(?:optional|repeated)?\s*(map<[^>]*>|[\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;/g)]
    messages.set(
      `${shorten(pack)}.${name}`,
      fields.map(([, type, field, number]) => ({
        type: type.includes('.') ? shorten(type) : `${shorten(pack)}.${type}`,
        name: field,
        number: Number(number),
      })),
    )
  }
}

const { table } = await import('../src/api/types/schema.gen.ts').catch(async () => {
  const text = readFileSync(new URL('../src/api/types/schema.gen.ts', import.meta.url), 'utf8')
  const entries = [...text.matchAll(/^ {2}'([\w.]+)': '(.*)',$/gm)]
  return { table: Object.fromEntries(entries.map(([, name, json]) => [name, json.replaceAll("\\'", "'")])) }
})

const lines = []
const embedded = new Set()
for (const [name, json] of Object.entries(table)) {
  const fields = messages.get(name)
  if (!fields) continue
  // The .proto files name a few fields by their Go name: `uID`, `aPIGroup`, `Webhooks`.
  const known = new Map(Object.keys(JSON.parse(json).f).map((field) => [field.toLowerCase(), field]))
  const parts = fields.flatMap((field) => {
    const own = known.get(field.name.toLowerCase())
    if (own) return [`${own}=${field.number}`]
    if (!messages.has(field.type)) return []
    embedded.add(field.type)
    return [`>${field.type}=${field.number}`]
  })
  lines.push(`  '${name}': '${parts.join(' ')}',`)
}
for (const name of embedded)
  if (!table[name])
    lines.push(
      `  '${name}': '${messages
        .get(name)
        .map((f) => `${f.name}=${f.number}`)
        .join(' ')}',`,
    )
lines.sort()
writeFileSync(
  new URL('../src/api/types/protobuf.gen.ts', import.meta.url),
  `// Made by tools/generate-protobuf.mjs from the field numbers that Kubernetes 1.36 publishes; do not edit.
/** Definition -> \`field=number\` for each field; \`>definition=number\` for an embedded struct. */
export const numbers: Readonly<Record<string, string>> = {
${lines.join('\n')}
}
`,
)
console.log(`${lines.length} definitions`)
