/** Runs the recorded kubectl commands with the real kubectl against a fresh ebb; equal but for placeholders. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { kubectlPath } from '../kubectl.mjs'
import { ApiConnection } from './api-connection.mjs'
import { startCluster } from './cluster.mjs'
import { comparable, differences, parseTranscript } from './kubectl/transcript.mjs'
import { absent, flags, listed, reference } from './reference.mjs'

const RECORDED_NODE = 'gold-1'
const READY_WITHIN_MS = 15_000
const COMMAND_WITHIN_MS = 90_000
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function main(args) {
  const options = flags(args, { dir: 'value', only: 'value', list: 'value', again: 'flag' })
  const dir = options.dir ? resolve(options.dir) : reference('golden', 'kubectl')
  if (!dir || !existsSync(dir)) {
    console.error(absent(options.dir ?? 'golden/kubectl'))
    return 2
  }
  const wanted = listed(options.list)
  const counts = (file) => !wanted || wanted.has(file.replace(/\.txt$/, ''))
  const bin = mkdtempSync(join(tmpdir(), 'ebb-kubectl-'))
  const cluster = await startCluster()
  const api = new ApiConnection({ server: cluster.url, token: cluster.token })
  let passed = 0
  let failed = 0
  try {
    const { body } = await api.request('GET', '/api/v1/nodes')
    const node = body.items[0]?.metadata.name ?? 'none'
    writeFileSync(
      join(bin, 'kubectl'),
      `#!/bin/sh\nexec "${kubectlPath()}" --kubeconfig "${cluster.kubeconfig}" "$@"\n`,
    )
    chmodSync(join(bin, 'kubectl'), 0o755)
    const player = { dir, node, api, run: shell({ bin, node }) }
    for (const group of groups(dir, options.only)) {
      let results = (await playGroup(group, player)).filter(({ file }) => counts(file))
      report(results)
      if (options.again && results.some(({ problems }) => problems.length)) {
        console.log(`again, from the setup of ${group[0]}:`)
        results = (await playGroup(group, player)).filter(({ file }) => counts(file))
        report(results)
      }
      for (const { problems } of results) problems.length ? failed++ : passed++
    }
  } finally {
    api.close()
    await cluster.stop()
    rmSync(bin, { recursive: true, force: true })
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed ? 1 : 0
}

/** A setup and the files that go on with what it left. With `only`: the file and those before it back to its setup. */
function groups(dir, only) {
  const all = []
  for (const file of readdirSync(dir).sort()) {
    if (!/^\d+.*\.txt$/.test(file)) continue
    if (all.length === 0 || /^--- setup/m.test(readFileSync(join(dir, file), 'utf8'))) all.push([])
    all.at(-1).push(file)
  }
  if (!only) return all
  const group = all.find((files) => files.some((file) => file.includes(only))) ?? []
  return [group.slice(0, group.findIndex((file) => file.includes(only)) + 1)]
}

/** Resolves to { file, command, problems }[]. */
async function playGroup(files, { dir, node, api, run }) {
  const results = []
  for (const file of files) {
    const transcript = parseTranscript(readFileSync(join(dir, file), 'utf8').replaceAll(RECORDED_NODE, node))
    results.push({ file, command: transcript.command, problems: await one(transcript, run, api) })
  }
  return results
}

function report(results) {
  for (const { file, command, problems } of results) {
    console.log(`${problems.length ? 'FAIL' : 'ok  '} ${file}  ${command}`)
    for (const problem of problems) console.log(`    ${problem}`)
  }
}

function shell({ bin, node }) {
  return (command, stdin) =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', command.replaceAll(RECORDED_NODE, node)], {
        cwd: bin,
        env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, KUBECONFIG: '/dev/null', TZ: 'UTC' },
        detached: true,
      })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
      const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), COMMAND_WITHIN_MS)
      child.on('close', (code, signal) => {
        clearTimeout(timer)
        resolve({ code: code ?? signal, stdout, stderr })
      })
      child.stdin.end(stdin ?? '')
    })
}

async function one(transcript, run, api) {
  if (transcript.setup !== undefined) {
    await clear(api)
    const applied = await run('kubectl apply -f -', transcript.setup)
    if (applied.code !== 0) return [`setup: ${applied.stderr.trim()}`]
    await settled(api)
  }
  for (const command of transcript.before) await run(command)
  const meanwhile = transcript.meanwhile.map(async ({ afterS, command }) => {
    await sleep(afterS * 1000)
    return run(command)
  })
  const got = await run(transcript.command, transcript.stdin)
  await Promise.all(meanwhile)
  const problems = [
    ...['stdout', 'stderr'].flatMap((name) =>
      differences(name, ...comparable(transcript.command, transcript[name] ?? '', got[name])),
    ),
  ]
  if (got.code !== transcript.exitCode) problems.push(`exit code: recorded ${transcript.exitCode} received ${got.code}`)
  if (transcript.afterCommand) {
    const after = await run(transcript.afterCommand)
    problems.push(...differences('after', transcript.after, after.stdout + after.stderr))
  }
  return problems
}

const KINDS = [
  '/apis/apps/v1/namespaces/*/deployments',
  '/apis/apps/v1/namespaces/*/replicasets',
  '/apis/apps/v1/namespaces/*/statefulsets',
  '/apis/apps/v1/namespaces/*/daemonsets',
  '/apis/batch/v1/namespaces/*/jobs',
  '/api/v1/namespaces/*/replicationcontrollers',
  '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
  '/api/v1/namespaces/*/pods',
  '/api/v1/namespaces/*/persistentvolumeclaims',
  '/api/v1/namespaces/*/configmaps',
  '/api/v1/namespaces/*/secrets',
  '/api/v1/namespaces/*/services',
  '/api/v1/namespaces/*/events',
]

/** Each setup begins with an empty default namespace and no namespace x. */
async function clear(api) {
  // What a vanished namespace left behind can be changed only when the namespace is back.
  const left = await api.request('GET', '/api/v1/namespaces/x/pods')
  if (left.body?.items?.length > 0)
    await api.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })
  for (const ns of ['default', 'x']) {
    for (const kind of KINDS) {
      const path = kind.replace('*', ns)
      const list = await api.request('GET', path)
      for (const { metadata } of list.body?.items ?? []) {
        if (['kubernetes', 'kube-root-ca.crt'].includes(metadata.name)) continue
        if (metadata.finalizers?.length)
          await api.request(
            'PATCH',
            `${path}/${metadata.name}`,
            { metadata: { finalizers: null } },
            'application/merge-patch+json',
          )
        await api.request('DELETE', `${path}/${metadata.name}?gracePeriodSeconds=0&propagationPolicy=Background`)
      }
    }
  }
  await api.request('DELETE', '/api/v1/namespaces/x')
  for (let i = 0; i < 100; i++) {
    const [pods, ns] = await Promise.all([
      api.request('GET', '/api/v1/namespaces/default/pods'),
      api.request('GET', '/api/v1/namespaces/x'),
    ])
    if (pods.body.items?.length === 0 && ns.status === 404) return
    for (const { metadata } of pods.body.items ?? [])
      await api.request('DELETE', `/api/v1/namespaces/default/pods/${metadata.name}?gracePeriodSeconds=0`)
    await sleep(200)
  }
}

/** Everything that can be ready is ready; what cannot (crashing, unschedulable, without image) shows so. */
async function settled(api) {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    const [pods, deployments] = await Promise.all([
      api.request('GET', '/api/v1/pods'),
      api.request('GET', '/apis/apps/v1/deployments'),
    ])
    const ready = (deployments.body.items ?? []).every((d) => (d.status?.availableReplicas ?? 0) >= d.spec.replicas)
    if (ready && (pods.body.items ?? []).every(podSettled)) break
    await sleep(100)
  }
  await sleep(500)
}

function podSettled({ status = {} }) {
  const condition = (type) => status.conditions?.find((c) => c.type === type)
  const waiting = (status.containerStatuses ?? []).map((c) => c.state?.waiting?.reason)
  return (
    condition('Ready')?.status === 'True' ||
    ['Succeeded', 'Failed'].includes(status.phase) ||
    condition('PodScheduled')?.reason === 'Unschedulable' ||
    waiting.some((reason) => ['CrashLoopBackOff', 'ImagePullBackOff'].includes(reason))
  )
}
