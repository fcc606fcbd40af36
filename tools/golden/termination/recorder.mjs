/** Watches one namespace from outside and keeps every change as { at, text }, in the words of the facts. */
import {
  endpointsTexts,
  eventText,
  namespaceTexts,
  ownerName,
  ownerTexts,
  podTexts,
  sliceTexts,
} from './fact-texts.mjs'

const WATCHED = [
  ['/api/v1', 'pods', 'Pod'],
  ['/api/v1', 'events', 'Event'],
  ['/apis/discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice'],
  ['/api/v1', 'endpoints', 'Endpoints'],
  ['/apis/apps/v1', 'replicasets', 'ReplicaSet'],
  ['/apis/apps/v1', 'deployments', 'Deployment'],
  ['/apis/apps/v1', 'statefulsets', 'StatefulSet'],
  ['/apis/apps/v1', 'daemonsets', 'DaemonSet'],
  ['/apis/batch/v1', 'jobs', 'Job'],
  ['/apis/policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget'],
  ['/api/v1', 'replicationcontrollers', 'ReplicationController'],
  ['/api/v1', 'persistentvolumeclaims', 'PersistentVolumeClaim'],
  ['/api/v1', 'services', 'Service'],
  ['/api/v1', 'configmaps', 'ConfigMap'],
  ['/api/v1', 'secrets', 'Secret'],
  ['/api/v1', 'serviceaccounts', 'ServiceAccount'],
]
/** Their creation is part of every namespace or of the setup: only the end of these is told. */
const ENDS_ONLY = new Set([
  'Service',
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
])
/** A log whose stream ended under a living container is asked for again after this time (ms). */
const FOLLOW_AGAIN_MS = 100
const SERVICE_LABEL = 'kubernetes.io/service-name'

export class Recorder {
  constructor(api, namespace, names) {
    this.api = api
    this.namespace = namespace
    this.names = names
    this.said = []
    this.normalised = []
    this.namesKnown = 0
    this.objects = new Map()
    this.logs = new Set()
    /** With their times, so that what two questions brought counts once. */
    this.logLines = new Set()
    this.stops = []
    this.waiting = []
    this.changedAt = 0
    this.stopped = false
  }

  /** Resolves when every watch of a kind that the server knows has begun. */
  async start() {
    for (const [root, plural, kind] of WATCHED) {
      const list = await this.api.request('GET', `${root}/namespaces/${this.namespace}/${plural}`)
      if (list.status !== 200) continue
      for (const item of list.body.items) this.objects.set(`${kind}/${item.metadata.name}`, { ...item, kind })
      this.watch(
        `${root}/namespaces/${this.namespace}/${plural}?watch=true&resourceVersion=${list.body.metadata.resourceVersion}`,
        kind,
      )
    }
    const field = encodeURIComponent(`metadata.name=${this.namespace}`)
    this.watch(`/api/v1/namespaces?watch=true&fieldSelector=${field}`, 'Namespace')
    this.watch('/api/v1/nodes?watch=true', 'Node')
  }

  watch(path, kind) {
    this.stops.push(
      this.api.lines(path, (line, at) => {
        const { type, object } = JSON.parse(line)
        if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') this.change(type, { ...object, kind }, at)
      }),
    )
  }

  of(kind) {
    return [...this.objects.values()].filter((o) => o.kind === kind)
  }

  change(type, object, at) {
    const { kind } = object
    const key = `${kind}/${object.metadata.name}`
    const before = this.objects.get(key)
    const beforeSlices = kind === 'EndpointSlice' ? this.slices(object) : []
    this.names.learn(object)
    if (type === 'DELETED') this.objects.delete(key)
    else this.objects.set(key, object)
    for (const text of this.texts(type, before, object, beforeSlices)) this.say(text, at)
    if (kind === 'Pod') this.followLogs(object)
    this.changedAt = at
    for (const wake of this.waiting.splice(0)) wake()
  }

  slices(object) {
    const service = object.metadata.labels?.[SERVICE_LABEL]
    return this.of('EndpointSlice').filter((s) => s.metadata.labels?.[SERVICE_LABEL] === service)
  }

  texts(type, before, object, beforeSlices) {
    const { kind, metadata } = object
    const gone = type === 'DELETED'
    switch (kind) {
      case 'Event':
        return gone ? [] : [eventText(object)]
      case 'Pod':
        return [...podTexts(before, object), ...(gone ? [`pod/${metadata.name} DELETED (gone from the API)`] : [])]
      case 'Namespace':
        return gone ? [`namespace/${metadata.name} DELETED`] : namespaceTexts(before, object)
      case 'Node': {
        const ready = (o) => o?.status?.conditions?.find((c) => c.type === 'Ready')
        const now = ready(object)
        return now && before && ready(before)?.status !== now.status
          ? [`node condition Ready=${now.status} reason=${now.reason}`]
          : []
      }
      case 'EndpointSlice': {
        const service = metadata.labels?.[SERVICE_LABEL]
        return gone ? [`endpointslice of ${service} DELETED`] : sliceTexts(service, beforeSlices, this.slices(object))
      }
      case 'Endpoints':
        return gone ? [`endpoints ${metadata.name} DELETED`] : endpointsTexts(metadata.name, before, object)
      default: {
        const ended = gone ? [`${ownerName(kind, object)} DELETED`] : []
        const texts = ownerTexts(kind, before, object)
        return ENDS_ONLY.has(kind) && !before ? ended : [...texts, ...ended]
      }
    }
  }

  say(text, at) {
    this.said.push({ at, text })
  }

  /** What was seen until now as { at, text }, in placeholders: events may tell of an object before its own watch does. */
  get seen() {
    if (this.namesKnown !== this.names.real.size) {
      this.namesKnown = this.names.real.size
      this.normalised = []
    }
    for (let i = this.normalised.length; i < this.said.length; i++)
      this.normalised.push({ at: this.said[i].at, text: this.names.normal(this.said[i].text) })
    return this.normalised
  }

  /**
   * Follows each instance of each container, from its first line, for as long as it lives. One that ended before the question
   * arrived is read as the previous of the next: by then the question was answered with the log of that one.
   */
  followLogs(pod) {
    for (const status of [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]) {
      const id = status.containerID
      if (!id || this.logs.has(id)) continue
      this.logs.add(id)
      this.follow(pod.metadata.name, status.name, id)
      if (status.restartCount > 0) this.readLog(pod.metadata.name, status.name, 'previous=true')
    }
  }

  /** A kubelet that stops ends the stream: it is asked for again while the container is still said to run. */
  follow(pod, container, id) {
    this.readLog(pod, container, 'follow=true', () => {
      if (!this.stopped && this.runs(pod, id)) setTimeout(() => this.follow(pod, container, id), FOLLOW_AGAIN_MS)
    })
  }

  runs(pod, id) {
    const { initContainerStatuses = [], containerStatuses = [] } = this.objects.get(`Pod/${pod}`)?.status ?? {}
    return [...initContainerStatuses, ...containerStatuses].some((c) => c.containerID === id && c.state?.running)
  }

  readLog(pod, container, which, end) {
    const path = `/api/v1/namespaces/${this.namespace}/pods/${pod}/log?container=${container}&timestamps=true&${which}`
    this.stops.push(
      this.api.lines(
        path,
        (line, _, code) => {
          const stamped = `${pod} ${container} ${line}`
          if (code !== 200 || this.logLines.has(stamped)) return
          this.logLines.add(stamped)
          const space = line.indexOf(' ')
          const text = line.slice(space + 1).trimEnd()
          if (text) this.say(`log pod/${pod} container ${container}: ${text}`, preciseTime(line.slice(0, space)))
        },
        end,
      ),
    )
  }

  /** Resolves to true once `done()` holds, false after `ms`. Looks again at each change. */
  async until(done, ms) {
    const deadline = Date.now() + ms
    while (!done()) {
      const left = deadline - Date.now()
      if (left <= 0) return false
      await Promise.race([
        new Promise((wake) => this.waiting.push(wake)),
        new Promise((wake) => setTimeout(wake, Math.min(left, 200)).unref()),
      ])
    }
    return true
  }

  stop() {
    this.stopped = true
    for (const stop of this.stops) stop()
  }
}

/** RFC 3339 with up to nine digits of fraction, as ms since 1970 with a fraction. */
function preciseTime(text) {
  const [, head, fraction = '0'] = /^(.*?)(?:\.(\d+))?Z?$/.exec(text)
  return Date.parse(`${head}Z`) + Number(`0.${fraction}`) * 1000
}
