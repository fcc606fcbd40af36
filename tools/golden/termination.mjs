/** Plays recorded endings of real pods on a fresh ebb and says which facts hold. Any file of the format works; names mean nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ApiConnection } from './api-connection.mjs'
import { startCluster } from './cluster.mjs'
import { absent, flags, listed, reference } from './reference.mjs'
import { compare } from './termination/compare.mjs'
import { play } from './termination/scenario.mjs'

const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost'

export async function main(args) {
  const options = flags(args, {
    dir: 'value',
    only: 'value',
    jobs: 'value',
    server: 'value',
    token: 'value',
    list: 'value',
    again: 'flag',
    seen: 'flag',
  })
  const dir = options.dir ? resolve(options.dir) : reference('golden', 'termination')
  if (!dir || !existsSync(dir)) {
    console.error(absent(options.dir ?? 'golden/termination'))
    return 2
  }
  const wanted = listed(options.list)
  const scenarios = readdirSync(dir)
    .filter((file) => file.endsWith('.json') && (!options.only || file.includes(options.only)))
    .filter((file) => !wanted || wanted.has(file.replace(/\.json$/, '')))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(dir, file), 'utf8')))
    .filter((scenario) => Array.isArray(scenario.facts))
  if (scenarios.length === 0) {
    console.error(`no scenario in ${dir}${options.only ? ` has ${options.only} in its name` : ''}`)
    return 2
  }
  const images = imagesOf(scenarios)
    .filter((image) => image.startsWith(AGNHOST))
    .map((image) => ['--image', `${image}=ebb/echo`])
  const cluster = options.server
    ? { url: options.server, token: options.token ?? 'admin-token', stop: async () => {} }
    : await startCluster({ args: images.flat() })
  const api = new ApiConnection({ server: cluster.url, token: cluster.token })
  let passed = 0
  let failed = 0
  try {
    // What stops a node would end other scenarios' pods too: such ones play alone, at the end.
    const alone = scenarios.filter((s) => s.action.some((a) => a.source === 'operator'))
    const queue = scenarios.filter((s) => !alone.includes(s))
    const results = new Map()
    const worker = async () => {
      for (let scenario = queue.shift(); scenario; scenario = queue.shift())
        results.set(scenario, await one(scenario, api, options))
    }
    await Promise.all(Array.from({ length: Number(options.jobs ?? 4) }, worker))
    queue.push(...alone)
    await worker()
    if (options.again) {
      queue.push(...scenarios.filter((scenario) => results.get(scenario).failed > 0))
      if (queue.length > 0) console.log('again, one by one, what the others may have held up:')
      await worker()
    }
    for (const result of results.values()) {
      passed += result.passed
      failed += result.failed
    }
  } finally {
    api.close()
    await cluster.stop()
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed ? 1 : 0
}

async function one(scenario, api, options) {
  const id = scenario.id ?? scenario.name
  let seen
  try {
    seen = await play({ ...scenario, id }, api, (what) => operate(api, what))
  } catch (error) {
    console.log(`FAIL ${id} 0/${scenario.facts.length}\n  ${error.message}`)
    return { passed: 0, failed: scenario.facts.length }
  }
  const result = compare(scenario, seen)
  const failed = result.broken.length + result.extra.length
  console.log(`${failed ? 'FAIL' : 'ok  '} ${id} ${result.passed.length}/${scenario.facts.length}`)
  for (const { fact, why } of result.broken)
    console.log(`  ${fact.id ?? ''} ${fact.t_ms} ms ±${fact.tolerance_ms} ${fact.text}: ${why}`)
  for (const text of result.extra) console.log(`  too often: ${text}`)
  if (options.seen) for (const s of seen) console.log(`    ${Math.round(s.t)} ${s.text}`)
  return { passed: result.passed.length, failed }
}

/** `kubelet stop`, `kubelet start`: every node's process ends without its pods, or comes back. Only ebb has a way to ask for it. */
async function operate(api, what) {
  const action = /^kubelet (stop|start)$/.exec(what)?.[1]
  if (!action) throw new Error(`no way to do "${what}" here`)
  const { body } = await api.request('GET', '/api/v1/nodes')
  for (const { metadata } of body.items) {
    const { status, body: answer } = await api.request('POST', `/ebb/v1/nodes/${metadata.name}/${action}`)
    if (status !== 200) throw new Error(`${what}: ${status} ${answer?.message ?? answer}`)
  }
}

function imagesOf(scenarios) {
  const found = new Set()
  const walk = (value) => {
    if (Array.isArray(value)) for (const v of value) walk(v)
    else if (value && typeof value === 'object') {
      if (typeof value.image === 'string') found.add(value.image)
      for (const v of Object.values(value)) walk(v)
    }
  }
  for (const s of scenarios) walk([s.manifest, s.action])
  return [...found]
}
