#!/usr/bin/env node
/** Style as a test: layers, seams, cycles, lengths. Prints each broken rule and exits 1. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { cycles, importsOf, layerErrors, seamErrors } from './layers.mjs'

/** Lines; a file past it is asking to be two. Generated files do not count. */
const FILE_LINES_MAX = 500

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'tools', 'test'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.(ts|mjs)$/.test(file) && existsSync(file))

const errors = []
const graph = new Map()
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n').length
  if (lines > FILE_LINES_MAX && !file.endsWith('.gen.ts'))
    errors.push(`${file}: ${lines} lines, at most ${FILE_LINES_MAX}`)
  const name = posix.basename(file)
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(node|test|bench|gen|golden|config|worker|d))*\.(ts|mts|mjs)$/.test(name))
    errors.push(`${file}: name is not kebab-case`)
  if (/^(utils?|helpers?|common|manager)\b/.test(name)) errors.push(`${file}: a name that says nothing`)
  if (!file.startsWith('src/')) continue
  errors.push(...layerErrors(file, text), ...seamErrors(file, text))
  graph.set(
    file,
    importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.normalize(posix.join(posix.dirname(file), specifier))),
  )
}
for (const cycle of cycles(graph)) errors.push(`cycle: ${cycle}`)

for (const error of errors) console.error(error)
console.log(`tidy: ${files.length} files, ${errors.length} broken rules`)
process.exit(errors.length ? 1 : 0)
