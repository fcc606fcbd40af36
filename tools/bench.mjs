#!/usr/bin/env node
/**
 * `npm run bench [-- start|memory|delete|apply|many|api|hostile]`: the figures ebb is judged by, medians over several runs, on this machine.
 *   start   from `ebb up` to the first answered GET of /api/v1/namespaces over HTTPS (with a node, without, first start ever)
 *   memory  resident memory of control plane and node, idle
 *   delete  from the answered DELETE to SIGTERM in the pod's process
 *   apply   kubectl apply of a Deployment of 10 replicas to 10 ready pods
 *   many    kubectl delete of 100 running pods of one node whose programs end at once: from the command to the last pod gone
 *   api     the API benchmark of the reference data, where that is present; EBB_BENCH_AGAINST=<root of another built ebb> compares
 *   hostile how long others wait beside hostile bodies and large lists (bench-hostile.mjs); only by name: it takes minutes
 * EBB_BENCH_RUNS: runs of each, 7 by default.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiBench } from './bench-api.mjs'
import { hostile } from './bench-hostile.mjs'
import { ApiConnection } from './golden/api-connection.mjs'
import { startCluster } from './golden/cluster.mjs'
import { reference, root } from './golden/reference.mjs'
import { kubectlPath } from './kubectl.mjs'

const RUNS = Number(process.env.EBB_BENCH_RUNS ?? 7)
const now = () => performance.timeOrigin + performance.now()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const sorted = (values) => [...values].sort((a, b) => a - b)
const at = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))]
const line = (name, values, unit, goal) =>
  console.log(
    `${name.padEnd(46)} p50 ${at(values, 0.5).toFixed(1)} ${unit}  (min ${at(values, 0).toFixed(1)}, p90 ${at(values, 0.9).toFixed(1)}, ${values.length} runs; goal ${goal})`,
  )

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

/** One start: ms until a GET is answered with 200. Ends the cluster. */
async function startOnce(data, args) {
  const port = await freePort()
  const started = now()
  const child = spawn(
    process.execPath,
    [join(root, 'dist/ebb.mjs'), 'up', '--data', data, '--port', String(port), '--token', 'bench', ...args],
    {
      stdio: 'ignore',
    },
  )
  let ms
  while (ms === undefined) {
    const status = await get(port).catch(() => undefined)
    if (status === 200) ms = now() - started
    else await sleep(1)
    if (now() - started > 20_000) throw new Error('ebb did not answer within 20 s')
  }
  const exited = new Promise((resolve) => child.on('exit', resolve))
  child.kill('SIGTERM')
  await exited
  return ms
}

function get(port) {
  return new Promise((resolve, reject) => {
    const request = https.get(
      {
        host: '127.0.0.1',
        port,
        path: '/api/v1/namespaces',
        rejectUnauthorized: false,
        timeout: 2_000,
        headers: { authorization: 'Bearer bench' },
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
  })
}

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-bench-'))
  try {
    const first = []
    for (let i = 0; i < 3; i++) first.push(await startOnce(join(folder, `first-${i}`), []))
    line('start: first ever, control plane + node', first, 'ms', '600')
    const data = join(folder, 'first-0')
    const both = []
    const alone = []
    for (let i = 0; i < RUNS; i++) {
      both.push(await startOnce(data, []))
      alone.push(await startOnce(data, ['--no-node']))
    }
    line('start: control plane + node', both, 'ms', '400')
    line('start: control plane alone', alone, 'ms', '200')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The process and all below it: resident memory in MB, counted by proportional share where the kernel tells. */
function memoryOf(pid) {
  const children = new Map()
  for (const name of readdirSync('/proc').filter((n) => /^\d+$/.test(n)))
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // It ended while we looked.
    }
  const all = []
  const walk = (p) => {
    all.push(p)
    for (const c of children.get(p) ?? []) walk(c)
  }
  walk(pid)
  let kb = 0
  const parts = []
  for (const p of all)
    try {
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${p}/status`, 'utf8'))?.[1] ?? 0)
      kb += rss
      parts.push(`${readFileSync(`/proc/${p}/comm`, 'utf8').trim()} ${(rss / 1024).toFixed(0)}`)
    } catch {
      // Likewise.
    }
  return { mb: kb / 1024, parts }
}

async function memory() {
  const cluster = await startCluster()
  try {
    await sleep(5_000)
    const { mb, parts } = memoryOf(cluster.pid)
    console.log(
      `${'memory: control plane + node, idle'.padEnd(46)} ${mb.toFixed(0)} MB  (${parts.join(', ')}; goal 150)`,
    )
  } finally {
    await cluster.stop()
  }
}

const POD_PROGRAM = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"

async function deletes() {
  const cluster = await startCluster()
  const api = new ApiConnection({ server: cluster.url, token: cluster.token })
  try {
    const base = '/api/v1/namespaces/default/pods'
    await accountReady(api)
    const signals = new Map()
    const stop = api.lines('/ebb/v1/trace?follow=true', (text) => {
      const event = JSON.parse(text)
      if (event.step === 'signal-sent' && !signals.has(event.object)) signals.set(event.object, event.at)
    })
    const delays = []
    for (let i = 0; i < 20; i++) {
      const name = `p-${i}`
      await api.request('POST', base, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { containers: [{ name: 'app', image: 'busybox', command: ['sh', '-c', POD_PROGRAM] }] },
      })
      while ((await api.request('GET', `${base}/${name}`)).body.status?.phase !== 'Running') await sleep(10)
      await sleep(100)
      await api.request('DELETE', `${base}/${name}`)
      const answered = now()
      while (![...signals.keys()].some((o) => o.endsWith(`/${name}`))) await sleep(1)
      const [, sent] = [...signals].find(([o]) => o.endsWith(`/${name}`))
      delays.push(sent - answered)
    }
    stop()
    line('delete: DELETE answered to SIGTERM', delays, 'ms', '5')
  } finally {
    api.close()
    await cluster.stop()
  }
}

async function apply() {
  const cluster = await startCluster()
  const api = new ApiConnection({ server: cluster.url, token: cluster.token })
  try {
    const kubectl = (args, input) =>
      execFileSync(kubectlPath(), ['--kubeconfig', cluster.kubeconfig, ...args], {
        input,
        stdio: ['pipe', 'ignore', 'inherit'],
      })
    const times = []
    for (let i = 0; i < 5; i++) {
      const manifest = JSON.stringify({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: `web-${i}` },
        spec: {
          replicas: 10,
          selector: { matchLabels: { app: `web-${i}` } },
          template: {
            metadata: { labels: { app: `web-${i}` } },
            spec: { containers: [{ name: 'app', image: 'busybox', command: ['sh', '-c', POD_PROGRAM] }] },
          },
        },
      })
      const started = now()
      kubectl(['apply', '-f', '-'], manifest)
      while (
        (await api.request('GET', `/apis/apps/v1/namespaces/default/deployments/web-${i}`)).body.status
          ?.readyReplicas !== 10
      )
        await sleep(10)
      times.push(now() - started)
      kubectl(['delete', 'deployment', `web-${i}`, '--wait=false'])
      await sleep(1_000)
    }
    line('apply: 10 replicas to 10 ready pods', times, 'ms', '2000')
  } finally {
    api.close()
    await cluster.stop()
  }
}

const MANY_PODS = 100

/** The node must have room for all of them beside each other; their start is shown for comparison. */
async function many() {
  const cluster = await startCluster()
  const api = new ApiConnection({ server: cluster.url, token: cluster.token })
  try {
    const base = '/api/v1/namespaces/default/pods'
    await accountReady(api)
    const starts = []
    const ends = []
    for (let round = 0; round < 3; round++) {
      const own = `${base}?labelSelector=${encodeURIComponent(`round=${round}`)}`
      const pods = async () => (await api.request('GET', own)).body.items
      const begun = now()
      for (let i = 0; i < MANY_PODS; i++)
        await api.request('POST', base, {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: `many-${round}-${i}`, labels: { round: String(round) } },
          spec: { containers: [{ name: 'app', image: 'busybox', command: ['sh', '-c', POD_PROGRAM] }] },
        })
      while ((await pods()).some(({ status }) => status.phase !== 'Running')) await sleep(50)
      starts.push(now() - begun)
      // What their start has left to do does not count.
      await sleep(2_000)
      const asked = now()
      const words = ['--kubeconfig', cluster.kubeconfig, 'delete', 'pods', '-l', `round=${round}`, '--wait=false']
      const kubectl = spawn(kubectlPath(), words, { stdio: ['ignore', 'ignore', 'inherit'] })
      const exited = new Promise((resolve) => kubectl.on('exit', resolve))
      while ((await pods()).length > 0) await sleep(20)
      ends.push(now() - asked)
      await exited
      await sleep(2_000)
    }
    line(`many: ${MANY_PODS} pods created to all running`, starts, 'ms', 'none')
    line(`many: kubectl delete of ${MANY_PODS} to the last one gone`, ends, 'ms', '1000')
  } finally {
    api.close()
    await cluster.stop()
  }
}

/** Pods are refused before the namespace has its service account. */
async function accountReady(api) {
  for (let i = 0; i < 50; i++) {
    const { status } = await api.request('GET', '/api/v1/namespaces/default/serviceaccounts/default')
    if (status === 200) return
    await sleep(20)
  }
}

async function api() {
  const folder = reference('bench')
  if (!folder) return console.log('api: skipped, the reference data with apibench.mjs is not here (EBB_SHARED)')
  const other = process.env.EBB_BENCH_AGAINST
  const builds = { ...(other ? { before: other } : {}), ebb: root }
  await apiBench({ script: join(folder, 'apibench.mjs'), runs: RUNS, builds })
}

const USUAL = { start, memory, delete: deletes, apply, many, api }
const ALL = { ...USUAL, hostile }
const wanted = process.argv.slice(2)
for (const name of wanted.length ? wanted : Object.keys(USUAL)) {
  if (!ALL[name]) {
    console.error(`no benchmark ${name}; there is ${Object.keys(ALL).join(', ')}`)
    process.exit(2)
  }
  await ALL[name]()
}
