/**
 * Writes src/api/types/schema.gen.ts, the table that decoding, patching, apply and OpenAPI walk, and
 * src/api/types/descriptions.gen.ts, the texts that only OpenAPI shows, with the definitions that have no fields. Both hold JSON text for each definition, so that
 * loading the module costs nothing and a definition is parsed when it is first used. `src/api/schema.ts` reads them.
 *
 * Definition: { k: ["apps/v1/Deployment"], m: mapType, u: unions, f: { field: "<code>" | ["<code>", { ...extras }] } }
 * Fields are in the order in which Kubernetes writes them.
 * Code: `!` when required, `^` for a Go pointer, `?` omitempty, `~` omitzero; `[` for each array and `{` for each map around;
 * then one letter for a scalar, or `@` and a name.
 */
import { writeFileSync } from 'node:fs'
import { loadDefinitions, parameters, special } from './schema/load.mjs'

const OUT = new URL('../src/api/types/', import.meta.url)
const LETTER = {
  string: 's',
  boolean: 'b',
  int32: 'i',
  int64: 'l',
  double: 'd',
  byte: 'y',
  quantity: 'q',
  intOrString: 'x',
  time: 't',
  microTime: 'm',
  raw: 'r',
  rawExtension: 'e',
  any: '*',
}
const EXTRA = {
  mergeKey: 'k',
  strategy: 's',
  listType: 'l',
  listKeys: 'n',
  mapType: 'm',
  enum: 'e',
  itemEnum: 'i',
  default: 'd',
}

const short = (name) => name.split('.').slice(-3).join('.')

function code(type) {
  if (type.kind === 'array') return `[${code(type.of)}`
  if (type.kind === 'map') return `{${code(type.of)}`
  if (type.kind === 'ref') return `@${short(type.to)}`
  if (!(type.kind in LETTER)) throw new Error(`no letter for ${type.kind}`)
  return LETTER[type.kind]
}

function entry(d) {
  const f = {}
  for (const p of d.properties) {
    const marks = [...p.flags].map((flag) => ({ p: '^', o: '?', z: '~', '-': '' })[flag]).join('')
    const text = (p.required ? '!' : '') + marks + code(p.type)
    const more = Object.entries(p.extras).map(([k, v]) => [EXTRA[k], v])
    if (p.goType) more.push(['g', p.goType])
    if (p.ref) more.push(['r', p.ref])
    f[p.name] = more.length ? [text, Object.fromEntries(more)] : text
  }
  return {
    ...(d.gvk ? { k: d.gvk } : {}),
    ...(d.mapType ? { m: d.mapType } : {}),
    ...(d.unions ? { u: d.unions } : {}),
    f,
  }
}

const definitions = loadDefinitions()
const prefixes = {}
for (const d of definitions) prefixes[d.group] = d.name.split('.').slice(0, -2).join('.')

/** A JavaScript string literal in single quotes. */
const literal = (text) =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\u2028', '\\u2028')}'`

const head =
  '// Made by tools/generate-schema.mjs from @kubernetes/client-node and tools/schema/extras.gen.json; do not edit.\n'
writeFileSync(
  new URL('schema.gen.ts', OUT),
  `${head}export const prefixes: Readonly<Record<string, string>> = ${JSON.stringify(prefixes, null, 2)}\n\nexport const table: Readonly<Record<string, string>> = {\n${definitions
    .map((d) => `  ${literal(short(d.name))}: ${literal(JSON.stringify(entry(d)))},`)
    .join('\n')}\n}\n`,
)
/** The published description, then one for each field: ["...", { field: "..." }]. */
const texts = (d) => [d.doc, Object.fromEntries(d.properties.map((p) => [p.name, p.doc]))]
writeFileSync(
  new URL('descriptions.gen.ts', OUT),
  `${head}export const descriptions: Readonly<Record<string, string>> = {\n${definitions
    .map((d) => `  ${literal(short(d.name))}: ${literal(JSON.stringify(texts(d)))},`)
    .join('\n')}\n}\n`,
)

writeFileSync(
  new URL('special.gen.ts', OUT),
  `${head}/** Definitions without fields, as published. */\nexport const special: Readonly<Record<string, object>> = ${JSON.stringify(special, null, 2)}\n`,
)
writeFileSync(
  new URL('../../apiserver/openapi/parameters.gen.ts', OUT),
  `${head}export const parameters: Readonly<Record<string, object>> = ${JSON.stringify(parameters, null, 2)}\n`,
)
