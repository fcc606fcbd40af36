import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startApiServer } from '../tools/golden/api.mjs'
import { absent, reference, root } from '../tools/golden/reference.mjs'

/**
 * Recorded API scenarios that hold; the list grows with the kinds that are served. `NAME without STEP`: but for that step, which
 * wants what ebb does not serve (an answer in protobuf, the proxy subresource of Services).
 */
const scenarios = readFileSync(join(root, 'test/golden-api-scenarios.txt'), 'utf8').split('\n').filter(Boolean)
const recordings = reference('golden', 'api')
if (!recordings) console.log(absent('golden/api'))

/** At once; each has namespaces of its own. */
const JOBS = 6

function copyScenario(line: string, folder: string): void {
  const [name = '', without] = line.split(' without ')
  const text = readFileSync(join(recordings ?? '', `${name}.json`), 'utf8')
  const scenario = JSON.parse(text) as { steps: { id: string }[] }
  const steps = scenario.steps.filter(({ id }) => id !== without)
  expect(steps.length, line).toBe(scenario.steps.length - (without ? 1 : 0))
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...scenario, steps }))
}

it.skipIf(!recordings)(`answers as recorded in ${scenarios.length} scenarios`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-golden-'))
  const server = await startApiServer()
  try {
    for (const line of scenarios) copyScenario(line, folder)
    const replay = join(recordings ?? '', 'replay.mjs')
    const args = [replay, '--server', server.url, '--token', 'admin-token', '--dir', folder, '--jobs', String(JOBS)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      output += chunk
    })
    const code = await new Promise((resolve) => child.on('exit', resolve))
    expect(output, 'see the differences above').toMatch(/ 0 failed\n?$/)
    expect(code).toBe(0)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
