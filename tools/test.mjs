#!/usr/bin/env node
/**
 * `npm test`: everything that must hold, in the order in which a failure is cheapest to see: format and lint, types, tidy,
 * then build, unit and contract tests, end-to-end tests. Closes with the runner's own summary.
 */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = (name) => join(root, 'node_modules/.bin', name)

const STEPS = [
  ['format and lint', bin('biome'), ['check', '.']],
  ['types', bin('tsc'), ['--noEmit']],
  ['tidy', process.execPath, ['tools/tidy.mjs']],
  ['unused', bin('knip'), []],
  ['build', process.execPath, ['tools/build.mjs']],
  ['unit, contract and end-to-end tests', bin('vitest'), ['run']],
]

for (const [name, command, args] of STEPS) {
  console.log(`\n== ${name}`)
  const started = performance.now()
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) console.error(`${name}: ${error.message}`)
  // The runner comes last and has the last word: its summary says how many failed, and how long it took.
  if (command === bin('vitest')) process.exit(status ?? 1)
  if (status !== 0) {
    console.error(`\n${name} failed (exit code ${status})`)
    process.exit(status ?? 1)
  }
  console.error(`${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
