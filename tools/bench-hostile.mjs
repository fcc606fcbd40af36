/**
 * How long others wait beside hostile bodies: /livez, asked by a process of its own every few ms, beside eight connections that send
 * each body without end, the administrator's and, where that may, a pod's default token; then beside lists of thousands of pods, read
 * and unread. On a busy machine look at the first row, which has nobody beside it.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startCluster } from './golden/cluster.mjs'

const [CONNECTIONS, ROW_MS, PODS, PROBE_EVERY_MS] = [8, 4_000, 5_000, 3]
const BODY_BYTES = 3 * 1024 * 1024 - 4096
const core = '/api/v1/namespaces/default'
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const many = (n, of) => Array.from({ length: n }, (_, i) => of(i))
const keys = (n) => Object.fromEntries(many(n, (i) => [`x${i}`, 'v']))
const json = JSON.stringify

const post = (path, body, type = 'application/json') => ({ method: 'POST', path: `${path}?dryRun=All`, body, type })
const patch = (type, body, query = '') => ({
  method: 'PATCH',
  path: `${core}/configmaps/base?dryRun=All&fieldManager=m${query}`,
  type: `application/${type}`,
  body,
})
const pod = (spec) => post(`${core}/pods`, json({ metadata: { name: 'a' }, spec }))
const yaml = (body) => post(`${core}/configmaps`, body, 'application/yaml')
const container = (i) => ({ name: `a${i}`, image: 'a' })

const BODIES = {
  'JSON patch, 10,000 operations': patch(
    'json-patch+json',
    json(many(10_000, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' }))),
  ),
  'JSON patch, copies of copies': patch(
    'json-patch+json',
    json(many(5_000, (i) => ({ op: 'copy', from: '/data', path: `/data/x${i}` }))),
  ),
  'merge patch, 9,000 keys': patch('merge-patch+json', json({ data: keys(9_000) })),
  'apply, 9,000 keys': patch(
    'apply-patch+yaml',
    json({ kind: 'ConfigMap', apiVersion: 'v1', data: keys(9_000) }),
    '&force=true',
  ),
  'ten maps of 9,000 keys': post(
    `${core}/configmaps`,
    json({
      metadata: { name: 'a', labels: keys(9_000), annotations: keys(9_000) },
      data: keys(9_000),
      unknown: many(7, () => keys(9_000)),
    }),
  ),
  'pod, 9,000 empty containers': pod({ containers: many(9_000, () => ({})) }),
  'pod, 9,000 containers': pod({ containers: many(9_000, container) }),
  'unknown fields of a review (weak)': {
    ...post(
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      json({ spec: { resourceAttributes: { verb: 'get' }, ...keys(9_000) } }),
    ),
    weak: true,
  },
  'YAML, 90,000 values': yaml(`x:\n${'- [a, a, a, a, a, a, a, a]\n'.repeat(9_900)}`),
  'YAML, a text of 3 MiB': yaml(`x: ${'y '.repeat(BODY_BYTES / 2)}`),
  'blanks, 3 MiB': post(`${core}/configmaps`, ' '.repeat(BODY_BYTES)),
  'a value of 3 MiB': post(
    `${core}/configmaps`,
    json({ metadata: { name: 'a' }, data: { a: 'x'.repeat(BODY_BYTES) } }),
  ),
}

const list = (headers) => ({ method: 'GET', path: '/api/v1/pods', headers })
const LISTS = {
  plain: list({}),
  'as a table': list({ accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
  'indented, for curl': list({ 'user-agent': 'curl/8' }),
  YAML: list({ accept: 'application/yaml' }),
}

/** Resolves when the answer is read, with how it begins; of one that is `unread`, as soon as it begins, and nothing is taken of it. */
function send(url, agent, token, sending) {
  const { method, path, body, type = 'application/json', headers = {}, unread } = sending
  return new Promise((resolve, reject) => {
    const sent = { authorization: `Bearer ${token}`, 'content-type': type, ...headers }
    const request = https.request(url + path, { method, agent, headers: sent }, (response) => {
      if (unread) return resolve()
      let text = ''
      response.setEncoding('latin1').on('data', (chunk) => {
        if (text.length < 4_096) text += chunk
      })
      response.on('end', () => resolve(text))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const newAgent = (maxSockets) => new https.Agent({ keepAlive: true, maxSockets, rejectUnauthorized: false })

/** ms of processor time that the process has had. */
function processorMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function startProbe(url) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    /** What /livez took while `work` went on: ms. */
    async beside(work) {
      child.stdin.write('begin\n')
      await work()
      child.stdin.write('end\n')
      return JSON.parse((await lines.next()).value)
    },
    stop: () => child.kill(),
  }
}

/** In the process of its own: measures from `begin` to `end`. */
async function probe(url) {
  const agent = newAgent(1)
  let times = []
  let asking
  let wanted = false
  const ask = async () => {
    while (wanted) {
      const began = performance.now()
      await send(url, agent, '', { method: 'GET', path: '/livez', headers: { authorization: '' } })
      times.push(performance.now() - began)
      await sleep(PROBE_EVERY_MS)
    }
  }
  for await (const line of createInterface(process.stdin)) {
    wanted = line === 'begin'
    if (wanted) asking = ask()
    else {
      await asking
      console.log(json(times))
      times = []
    }
  }
}

function row(name, times, ...more) {
  const sorted = times.sort((a, b) => a - b)
  const at = (part) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1)
  console.log(`/livez beside ${name.padEnd(36)} p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`, ...more)
}

export async function hostile() {
  const cluster = await startCluster({ args: ['--no-node'] })
  const { url, token, pid } = cluster
  const agent = newAgent(CONNECTIONS)
  const probing = startProbe(url)
  const endless = (request, as) => async () => {
    const until = performance.now() + ROW_MS
    const sender = async () => {
      while (performance.now() < until) await send(url, agent, as, request)
    }
    await Promise.all(many(CONNECTIONS, sender))
  }
  try {
    await send(url, agent, token, {
      method: 'POST',
      path: `${core}/configmaps`,
      body: json({ metadata: { name: 'base' }, data: keys(100) }),
    })
    const tokenRequest = { method: 'POST', path: `${core}/serviceaccounts/default/token`, body: '{"spec":{}}' }
    const [, weak = token] = /"token":"([^"]+)"/.exec(await send(url, agent, token, tokenRequest)) ?? []
    row('nobody', await probing.beside(() => sleep(ROW_MS)))
    for (const [name, body] of Object.entries(BODIES)) {
      const as = body.weak ? weak : token
      const before = processorMs(pid)
      await send(url, agent, as, body)
      const cost = processorMs(pid) - before
      row(name, await probing.beside(endless(body, as)), `(${cost} ms of processor each)`)
    }
    const spec = { schedulingGates: [{ name: 'bench/gate' }], containers: [container(0)] }
    const create = (i) => ({ method: 'POST', path: `${core}/pods`, body: json({ metadata: { name: `p${i}` }, spec }) })
    await Promise.all(many(PODS, (i) => send(url, agent, token, create(i))))
    for (const [name, request] of Object.entries(LISTS))
      row(`lists of ${PODS}, ${name}`, await probing.beside(endless(request, token)))
    const idle = newAgent(20)
    for (const request of many(5, () => Object.values(LISTS)).flat())
      await send(url, idle, token, { ...request, unread: true })
    row('20 lists that nobody reads', await probing.beside(endless(LISTS['indented, for curl'], token)))
    idle.destroy()
  } finally {
    probing.stop()
    agent.destroy()
    await cluster.stop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await probe(process.argv[2])
