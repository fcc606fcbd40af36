/**
 * Changes of objects as the texts of facts. Pure: given the object before and after a watch event, the sentences that the
 * recordings would use for what is new. Names are still real here; `names.mjs` makes them placeholders.
 */
const SHORT = {
  pods: 'po',
  services: 'svc',
  deployments: 'deploy',
  replicasets: 'rs',
  replicationcontrollers: 'rc',
  statefulsets: 'sts',
  configmaps: 'cm',
  jobs: 'job',
  daemonsets: 'ds',
}

/** `request DELETE po/p {"gracePeriodSeconds":1}` without the leading word. */
export function requestText({ method, path, body }) {
  const [route, query] = path.split('?')
  const parts = route.split('/').filter(Boolean)
  const at = parts.indexOf('namespaces')
  const [plural, name, subresource] = at >= 0 ? parts.slice(at + 2) : parts.slice(-2)
  if (plural === undefined) return `${method} namespace`
  const short = SHORT[plural] ?? plural
  if (method === 'POST' && !name) return `POST ${body.kind} ${body.metadata.name}`
  if (subresource === 'eviction') return `POST ${plural}/${name}/eviction`
  if (method === 'DELETE' && !name) {
    const selector = new URLSearchParams(query).get('labelSelector')
    return `DELETE collection ${short}${selector ? ` ${selector}` : ''}`
  }
  if (subresource === 'scale') return `PATCH ${short}/${name}/scale replicas=${body.spec.replicas}`
  return `${method} ${short}/${name}${bodyText(body)}`
}

function bodyText(body) {
  if (!body) return ''
  const { kind, apiVersion, ...rest } = body
  return Object.keys(rest).length ? ` ${JSON.stringify(rest)}` : ''
}

export function podTexts(before, after) {
  const pod = `pod/${after.metadata.name}`
  const out = before ? [] : [`${pod} ADDED`]
  const grace = (p) => `${p?.metadata.deletionTimestamp}/${p?.metadata.deletionGracePeriodSeconds}`
  if (after.metadata.deletionTimestamp && grace(before) !== grace(after))
    out.push(`${pod} deletionTimestamp set, deletionGracePeriodSeconds=${after.metadata.deletionGracePeriodSeconds}`)
  const phase = (p) =>
    p?.status?.phase && `phase=${p.status.phase}${p.status.reason ? ` reason=${p.status.reason}` : ''}`
  if (phase(after) && phase(after) !== phase(before) && (before || after.status.phase !== 'Pending'))
    out.push(`${pod} ${phase(after)}`)
  out.push(...conditionTexts(before, after).map((text) => `${pod} ${text}`))
  const containers = (p) => [...(p?.status?.initContainerStatuses ?? []), ...(p?.status?.containerStatuses ?? [])]
  const old = new Map(containers(before).map((c) => [c.name, containerText(c)]))
  for (const c of containers(after))
    if (old.get(c.name) !== containerText(c)) out.push(`${pod} container ${c.name}: ${containerText(c)}`)
  return out
}

function containerText(c) {
  const [[state, at] = ['waiting', {}]] = Object.entries(c.state ?? {})
  const how =
    state === 'terminated'
      ? ` exitCode=${at.exitCode} reason=${at.reason}`
      : state === 'waiting'
        ? ` reason=${at.reason}`
        : ''
  return `${state}${how} ready=${c.ready} started=${c.started ?? false} restartCount=${c.restartCount}`
}

function conditionTexts(before, after) {
  const text = (c) => `condition ${c.type}=${c.status}${c.reason ? ` reason=${c.reason}` : ''}`
  const old = new Set((before?.status?.conditions ?? []).map(text))
  return (after.status?.conditions ?? []).map(text).filter((t) => !old.has(t))
}

export function namespaceTexts(before, after) {
  const name = `namespace/${after.metadata.name}`
  const out = []
  if (after.metadata.deletionTimestamp && !before?.metadata.deletionTimestamp)
    out.push(`${name} deletionTimestamp set finalizers=${JSON.stringify(after.spec?.finalizers ?? [])}`)
  if (before?.status?.phase !== after.status?.phase)
    out.push(`${name} status ${JSON.stringify({ phase: after.status?.phase })}`)
  const text = (c) => `condition ${c.type}=${c.status} reason=${c.reason} message=${c.message}`
  const old = new Set((before?.status?.conditions ?? []).map(text))
  for (const c of after.status?.conditions ?? []) if (!old.has(text(c))) out.push(`${name} ${text(c)}`)
  return out
}

/** Which numbers of an owner's status a fact shows, in its order; zero and absent are left out but for `terminating`. */
const STATUS = {
  ReplicaSet: {
    replicas: 'replicas',
    ready: 'readyReplicas',
    available: 'availableReplicas',
    terminating: 'terminatingReplicas',
  },
  ReplicationController: { replicas: 'replicas', ready: 'readyReplicas', available: 'availableReplicas' },
  Deployment: {
    replicas: 'replicas',
    ready: 'readyReplicas',
    available: 'availableReplicas',
    updated: 'updatedReplicas',
    terminating: 'terminatingReplicas',
  },
  StatefulSet: {
    replicas: 'replicas',
    ready: 'readyReplicas',
    available: 'availableReplicas',
    updated: 'updatedReplicas',
  },
  DaemonSet: { numberReady: 'numberReady', desired: 'desiredNumberScheduled' },
  Job: { terminating: 'terminating', active: 'active', failed: 'failed', succeeded: 'succeeded' },
  PodDisruptionBudget: { allowed: 'disruptionsAllowed', healthy: 'currentHealthy' },
}
const OWNER = { PodDisruptionBudget: 'pdb', PersistentVolumeClaim: 'pvc' }

export const ownerName = (kind, object) => `${OWNER[kind] ?? kind.toLowerCase()}/${object.metadata.name}`

export function ownerTexts(kind, before, after) {
  const name = ownerName(kind, after)
  const out = before ? [] : [`${name} ADDED`]
  if (after.metadata.deletionTimestamp && !before?.metadata.deletionTimestamp)
    out.push(`${name} deletionTimestamp set finalizers=${JSON.stringify(after.metadata.finalizers ?? [])}`)
  const fields = STATUS[kind]
  if (!fields) return out
  const status = (o) => {
    const shown = {}
    for (const [short, field] of Object.entries(fields))
      if (o?.status?.[field] !== undefined) shown[short] = o.status[field]
    return JSON.stringify(shown)
  }
  if (status(before) !== status(after)) out.push(`${name} status ${status(after)}`)
  return out
}

export function eventText(event) {
  const { kind, name } = event.involvedObject
  const count = event.count ?? event.series?.count ?? 1
  return `event ${event.type} ${event.reason} on ${kind}/${name}: ${event.message.trimEnd()}${count > 1 ? ' (count>1)' : ''}`
}

const endpoints = (slices) => {
  const all = new Map()
  for (const slice of slices)
    for (const e of slice.endpoints ?? []) {
      const { ready, serving, terminating } = e.conditions ?? {}
      all.set(e.targetRef?.name ?? e.addresses[0], `ready=${ready} serving=${serving} terminating=${terminating}`)
    }
  return all
}

/** `before`, `after`: all slices of one service. */
export function sliceTexts(service, before, after) {
  return entryTexts(`endpointslice of ${service}:`, endpoints(before), endpoints(after))
}

export function endpointsTexts(service, before, after) {
  const entries = (object) => {
    const all = new Map()
    for (const subset of object?.subsets ?? []) {
      for (const a of subset.addresses ?? []) all.set(a.targetRef?.name ?? a.ip, 'ready')
      for (const a of subset.notReadyAddresses ?? []) all.set(a.targetRef?.name ?? a.ip, 'notReady')
    }
    return all
  }
  return entryTexts(`endpoints ${service}:`, entries(before), entries(after))
}

function entryTexts(head, before, after) {
  const out = []
  for (const [pod, state] of after) if (before.get(pod) !== state) out.push(`${head} ${pod} ${state}`)
  for (const pod of before.keys()) if (!after.has(pod)) out.push(`${head} ${pod} removed`)
  return out
}
