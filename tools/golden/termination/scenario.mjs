/** Plays one scenario against a server and returns what was seen, on the clock of its action. */
import { randomInt } from 'node:crypto'
import { requestText } from './fact-texts.mjs'
import { Names } from './names.mjs'
import { Recorder } from './recorder.mjs'

const SETTLE_MS = 1_500
const READY_WITHIN_MS = 40_000
const END_GRACE_MS = 8_000
const now = () => performance.timeOrigin + performance.now()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))

/** `operator(what)`: does `kubelet stop` and `kubelet start`. Resolves to {t, text}[]. */
export async function play(scenario, api, operator) {
  const namespace = `gt-${scenario.id.slice(0, 20).replace(/[^a-z0-9-]/g, '')}-${randomInt(1e6)}`
  const names = new Names(namespace)
  await must(api, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const recorder = new Recorder(api, namespace, names)
  try {
    await until(
      async () => (await api.request('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200,
    )
    await recorder.start()
    const requests = scenario.action.filter((a) => a.what !== 'note')
    for (const object of scenario.manifest) await must(api, 'POST', collection(namespace, object), object)
    if (requests.length > 0 && scenario.manifest.length > 0) {
      await recorder.until(() => settled(scenario, recorder), READY_WITHIN_MS)
      await sleep(SETTLE_MS)
    }
    const t0 = now()
    for (const step of requests) {
      await sleep(t0 + step.t_ms - now())
      if (step.source === 'operator') {
        recorder.say(`operator: ${step.what}`, now())
        await operator(step.what)
      } else await act(step, { api, names, recorder, scenario })
    }
    const lastFact = Math.max(...scenario.facts.map((f) => f.t_ms + f.tolerance_ms))
    const wanted = counts(scenario.facts)
    const complete = () => {
      const seen = counts(recorder.seen.filter((s) => s.at >= t0 - 10))
      return [...wanted].every(([text, count]) => (seen.get(text) ?? 0) >= count)
    }
    if (requests.length > 0) {
      await recorder.until(complete, t0 + lastFact + 500 - now())
      await sleep(Math.min(SETTLE_MS, t0 + lastFact + 500 - now()))
    } else await recorder.until(() => complete() && now() > recorder.changedAt + SETTLE_MS, lastFact + END_GRACE_MS)
    const start = requests.length > 0 ? t0 : origin(scenario, recorder, t0)
    return recorder.seen.map(({ at, text }) => ({ t: at - start, text })).sort((a, b) => a.t - b.t)
  } finally {
    recorder.stop()
    await cleanUp(api, namespace)
  }
}

/** How often each text occurs. */
function counts(list) {
  const all = new Map()
  for (const { text } of list) all.set(text, (all.get(text) ?? 0) + 1)
  return all
}

async function act(step, { api, names, recorder }) {
  const path = names.fill(step.path)
  const body = step.body && JSON.parse(names.fill(JSON.stringify(step.body)))
  if (body?.preconditions?.uid === '<uid>') body.preconditions.uid = '00000000-0000-4000-8000-000000000000'
  const text = requestText({ ...step, body: step.body })
  recorder.say(`request ${text}`, now())
  const type = step.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  const sent = api.request(step.method, path, body, type).then(({ status, body: answer }) => {
    const message = status >= 400 && answer?.message ? `: ${answer.message}` : ''
    recorder.say(`response ${status} to ${text}${message}`, now())
  })
  await sent
}

/** Without a request the clock starts where the recording's does: at its first fact. */
function origin(scenario, recorder, fallback) {
  const first = [...scenario.facts].sort((a, b) => a.t_ms - b.t_ms)[0]
  const seen = recorder.seen.find((s) => s.text === first.text)
  return seen ? seen.at - first.t_ms : fallback
}

/** All pods in the state from which the action is meant to begin: ready, or where they will not go further by themselves. */
function settled(scenario, recorder) {
  const pods = recorder.of('Pod')
  return (
    pods.length >= wantedPods(scenario.manifest) &&
    pods.every((pod) => stuckOrReady(pod, scenario)) &&
    ownersReady(recorder)
  )
}

function wantedPods(manifest) {
  return manifest.reduce((n, o) => {
    if (o.kind === 'Pod') return n + 1
    if (o.kind === 'DaemonSet') return n + 1
    if (o.kind === 'Job') return n + (o.spec.parallelism ?? 1)
    return o.spec?.template ? n + (o.spec.replicas ?? 1) : n
  }, 0)
}

function stuckOrReady(pod, scenario) {
  const status = pod.status ?? {}
  const condition = (type) => status.conditions?.find((c) => c.type === type)
  if (condition('Ready')?.status === 'True' || ['Succeeded', 'Failed'].includes(status.phase)) return true
  if (condition('PodScheduled')?.reason === 'Unschedulable') return true
  const waiting = (status.containerStatuses ?? []).map((c) => c.state?.waiting?.reason)
  if (waiting.includes('CrashLoopBackOff')) return true
  if (waiting.includes('ImagePullBackOff') || waiting.includes('ErrImagePull')) return true
  const inInit = (status.initContainerStatuses ?? []).some((c) => c.state?.running && !c.ready)
  return inInit && /init/.test(scenario.about)
}

function ownersReady(recorder) {
  return ['Deployment', 'ReplicaSet', 'ReplicationController', 'StatefulSet'].every((kind) =>
    recorder.of(kind).every((o) => (o.status?.readyReplicas ?? 0) >= (o.spec.replicas ?? 1)),
  )
}

function collection(namespace, { apiVersion, kind }) {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const lower = kind.toLowerCase()
  const plural = lower.endsWith('s')
    ? lower === 'endpoints'
      ? lower
      : `${lower}es`
    : lower.endsWith('y')
      ? `${lower.slice(0, -1)}ies`
      : `${lower}s`
  return `${root}/namespaces/${namespace}/${plural}`
}

async function must(api, method, path, body) {
  const { status, body: answer } = await api.request(method, path, body)
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${answer?.message ?? JSON.stringify(answer)}`)
}

async function until(done) {
  for (let i = 0; i < 200; i++) {
    if (await done()) return
    await sleep(25)
  }
  throw new Error('the namespace has no default service account after 5 s')
}

async function cleanUp(api, namespace) {
  await api.request('DELETE', `/api/v1/namespaces/${namespace}/pods?gracePeriodSeconds=0`).catch(() => {})
  await api.request('DELETE', `/api/v1/namespaces/${namespace}`).catch(() => {})
}
