// Writes src/resources/columns.gen.ts: the Table columns of every listable resource, as the reference data of Kubernetes gives them.
// Usage: node tools/generate-columns.mjs [path/to/tables.json]; without a path, the reference data where EBB_SHARED says.
import { readFileSync, writeFileSync } from 'node:fs'

const shared = process.env.EBB_SHARED ?? new URL('../../shared', import.meta.url).pathname
const source = process.argv[2] ?? `${shared}/kubernetes-1.36/tables.json`
const tables = JSON.parse(readFileSync(source, 'utf8'))

// Most descriptions are shared (Name, Age, the pod template's); each is written once.
const texts = []
const textIndex = (text) => {
  const at = texts.indexOf(text)
  return at >= 0 ? at : texts.push(text) - 1
}
const quote = (text) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`

const entries = Object.entries(tables).map(([key, { columnDefinitions }]) => {
  const columns = columnDefinitions.map(
    (c) => `    c(${quote(c.name)}, ${quote(c.type)}, ${quote(c.format)}, ${textIndex(c.description)}, ${c.priority}),`,
  )
  return `  ${quote(key)}: [\n${columns.join('\n')}\n  ],`
})

writeFileSync(
  'src/resources/columns.gen.ts',
  `// Made by tools/generate-columns.mjs from the Tables of Kubernetes 1.36; do not edit.
import type { Column } from './declaration.ts'

const TEXTS = [
${texts.map((t) => `  ${quote(t)},`).join('\n')}
]

const c = (name: string, type: Column['type'], format: string, text: number, priority: number): Column => ({
  name,
  type,
  format,
  description: TEXTS[text] ?? '',
  priority,
})

/** By \`group/version/plural\`, the core group as \`v1/plural\`. */
export const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
${entries.join('\n')}
}
`,
)
