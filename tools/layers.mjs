/**
 * The import table: which folder of src/ may import which. Law: a file without a row, an import outside its row, a cycle, or
 * the use of the machine outside `*.node.ts` fails the build. There are no exemptions.
 */
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'

const kubernetes = ['base', 'api', 'wire']
const components = ['base', 'api', 'client']

export const LAYERS = {
  base: [],
  api: ['base'],
  wire: ['base', 'api'],
  store: ['base'],
  'watch-cache': [...kubernetes, 'store'],
  resources: ['base', 'api'],
  registry: [...kubernetes, 'store', 'watch-cache', 'resources/declaration.ts'],
  apiserver: [...kubernetes, 'registry', 'resources/declaration.ts', 'client'],
  client: kubernetes,
  controllers: components,
  scheduler: components,
  kubelet: components,
  proxy: components,
  lab: components,
  doctor: components,
  cli: components,
  sim: ['*'],
  main: ['*'],
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:\{[^}]*\}[^'"\n;]*?)?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g

export function importsOf(text) {
  return [...text.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? m[3])
}

const isTest = (file) => /\.(test|bench)\.ts$/.test(file) || /\/contract\.ts$/.test(file)
const isNode = (file) => file.endsWith('.node.ts')

/** `file` and results are paths relative to the repository. Returns the broken rules of one file, as sentences. */
export function layerErrors(file, text) {
  const match = /^src\/([^/]+)\//.exec(file)
  const layer = match?.[1]
  if (!layer || !(layer in LAYERS)) return [`${file}: is in no layer of tools/layers.mjs`]
  if (isTest(file)) return []
  const errors = []
  const allowed = LAYERS[layer]
  for (const specifier of importsOf(text)) {
    if (!specifier.startsWith('.')) {
      if (isBuiltin(specifier) && !isNode(file)) errors.push(`${file}: imports ${specifier}; only *.node.ts may`)
      continue
    }
    const target = posix.normalize(posix.join(posix.dirname(file), specifier))
    if (isNode(target) && !isNode(file) && layer !== 'main')
      errors.push(`${file}: imports ${target}; only main and *.node.ts may import a *.node.ts`)
    if (isNode(file) || allowed.includes('*')) continue
    const inside = target.startsWith(`src/${layer}/`)
    const path = target.replace(/^src\//, '')
    const ok = inside || allowed.some((row) => path === row || path.startsWith(`${row}/`))
    if (!ok) errors.push(`${file}: ${layer} may not import ${target}`)
  }
  return errors
}

const MACHINE = [
  [/\bDate\b(?!\w)/, 'Date (take a Clock)', (file) => file === 'src/api/time.ts'],
  [/\b(setTimeout|setInterval|setImmediate)\b/, 'timers (take a Clock)'],
  [/\bMath\.random\b/, 'Math.random (take a Random)'],
  [/\bcrypto\.(randomUUID|getRandomValues)\b/, 'crypto randomness (take a Random)'],
  [/(?<![.\w])process\s*\.|=\s*process\b/, 'process'],
  [/(?<![.\w])fetch\s*\(/, 'fetch (take a Transport)'],
  [/\bBuffer\b/, 'Buffer'],
  [/\bconsole\./, 'console'],
  [/\bperformance\./, 'performance (take a Clock)'],
]

/** Code without comments and without what stands in quotes, line structure kept. What a template puts in is code. */
export function bareCode(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (m) =>
    m.startsWith('`')
      ? m.replace(/\$\{([^}]*)\}?|[^\n]/g, (_, inserted) => (inserted ? ` ${bareCode(inserted)} ` : ''))
      : m.replace(/[^\n]/g, ' '),
  )
}

export function seamErrors(file, text) {
  if (isNode(file) || isTest(file) || file.endsWith('.gen.ts')) return []
  const errors = []
  const lines = bareCode(text).split('\n')
  for (const [pattern, what, exempt] of MACHINE) {
    if (exempt?.(file)) continue
    lines.forEach((line, i) => {
      if (pattern.test(line)) errors.push(`${file}:${i + 1}: uses ${what} outside *.node.ts`)
    })
  }
  return errors
}

/** Import cycles among source files (type-only imports included: a cycle of types is a cycle of thought). `graph`: Map file -> files. */
export function cycles(graph) {
  const found = []
  const state = new Map()
  const path = []
  const visit = (file) => {
    state.set(file, 'open')
    path.push(file)
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue
      if (state.get(next) === 'open') found.push([...path.slice(path.indexOf(next)), next].join(' -> '))
      else if (!state.has(next)) visit(next)
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const file of graph.keys()) if (!state.has(file)) visit(file)
  return found
}
