import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { absent, reference, root } from '../tools/golden/reference.mjs'

/**
 * Recorded endings of real pods, played with real processes; the lists say which hold wholly. Those that wait need kinds that
 * are not served by controllers yet (Job, DaemonSet, StatefulSet, disruption budgets, claims) or cgroups (OOM).
 */
const SUITES = [
  ['termination', 'endings', ['--jobs', '6']],
  ['kubectl', 'kubectl transcripts', []],
] as const

it.for(SUITES)('%s: the recorded %s hold', { timeout: 600_000 }, async ([suite, _, args], { skip }) => {
  if (!reference('golden', suite)) {
    const why = absent(`golden/${suite}`)
    console.log(`skipped: ${why}`)
    skip(why)
  }
  const list = join(root, `test/golden-${suite}-scenarios.txt`)
  const child = spawn(
    process.execPath,
    [join(root, 'tools/golden/run.mjs'), suite, '--list', list, '--again', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  // Recorded times hold on a machine that keeps up; what one did not keep up with is played once more, alone.
  const again = output.indexOf('\nagain, ')
  if (again >= 0) console.log(output.slice(again))
  expect(output, output).toMatch(/[1-9]\d* passed, 0 failed\n?$/)
  expect(code).toBe(0)
})
