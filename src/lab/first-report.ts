/**
 * The first termination report: for each sample app (a Deployment and a Service) a steady open-loop load, one pod deleted, then
 * the Deployment rolled; everything recorded and told. Pure orchestration: nothing is staged, what is lost is lost by the races
 * of the cluster it runs on, and the report says what was seen, whatever it was.
 */
import { parseAllDocuments } from 'yaml'
import { type KubernetesObject, keyOf } from '../api/object.ts'
import { rfc3339 } from '../api/time.ts'
import type { Deployment } from '../api/types/apps-v1.gen.ts'
import type { Pod, Service } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { Lifetime } from '../base/lifetime.ts'
import type { Random } from '../base/random.ts'
import type { ApiClient } from '../client/api-client.ts'
import { Informers } from '../client/informer.ts'
import { deployments, pods, services } from '../client/resources.ts'
import { type HttpClient, isLost, startLoad } from './load.ts'
import { Recorder, type TraceSource } from './record.ts'
import { type Action, type AppReport, appText, headText, type Style, verdictText } from './report.ts'
import { WaitError, waitFor } from './wait.ts'
import { WORDS } from './words.ts'

export interface FirstReportOptions {
  readonly client: ApiClient
  readonly clock: Clock
  readonly random: Random
  /** A client whose connections go to an address of the cluster: a Service's cluster IP and port. */
  readonly httpClientFactory: (target: { readonly host: string; readonly port: number }) => HttpClient
  /** ebb's trace; without it the report has what watches show. */
  readonly trace?: TraceSource
  /** Takes text with its line ends, as soon as there is some. */
  readonly print: (text: string) => void
  readonly style: Style
  /** Manifests, each with one Deployment and one Service, in the order of the report. */
  readonly samples: readonly string[]
  /** Requests per second; default 200. */
  readonly ratePerSecond?: number
}

const RATE_PER_SECOND = 200
/** Load before the first action, in ms: connections are made, programs are warm. */
const WARM_UP_MS = 800
/** Of the warm-up, the last so many ms are part of the report: what was sent there may be lost by the action. */
const BEFORE_ACTION_MS = 400
/** After everything has settled, in ms: what comes late still belongs to the action. */
const AFTER_ACTION_MS = 500
/** Nothing in the samples takes longer than this, in ms. */
const STEP_MAX_MS = 20_000
const PROBE_EVERY_MS = 25
const ABOUT = 'ebb/about'

/** Resolves to what was reported. Rejects with WaitError when the cluster doesn't bring the samples up, saying what was missing. */
export async function runFirstReport(options: FirstReportOptions): Promise<readonly AppReport[]> {
  const { clock, style, print, samples, ratePerSecond = RATE_PER_SECOND } = options
  const startedAt = clock.monotonic()
  const parsed = samples.map(parseSample)
  print(headText(style, parsed[0]?.deployment.spec?.replicas ?? 1, ratePerSecond))
  const reports: AppReport[] = []
  for (const sample of parsed) {
    const life = new Lifetime('report')
    try {
      const report = await new AppRun(options, sample, life).run()
      print(appText(report, style))
      reports.push(report)
    } finally {
      await life.close()
    }
  }
  print(verdictText(reports, style))
  print(`${WORDS[style.language].took(((clock.monotonic() - startedAt) / 1000).toFixed(1))}\n`)
  return reports
}

interface Sample {
  readonly deployment: Deployment
  readonly service: Service
}

/** Throws when the manifest isn't one Deployment and one Service. */
export function parseSample(text: string): Sample {
  const objects = parseAllDocuments(text, { version: '1.1', merge: true }).map((doc) => doc.toJS() as KubernetesObject)
  const deployment = objects.find((object) => object?.kind === 'Deployment') as Deployment | undefined
  const service = objects.find((object) => object?.kind === 'Service') as Service | undefined
  if (!deployment || !service) throw new Error('a sample is one Deployment and one Service')
  return { deployment, service }
}

/** One app, from its creation to the end of its load. */
class AppRun {
  private readonly options: FirstReportOptions
  private readonly sample: Sample
  private readonly life: Lifetime
  private readonly informers: Informers
  private readonly name: string
  private readonly namespace: string
  private readonly podSelector: string

  constructor(options: FirstReportOptions, sample: Sample, life: Lifetime) {
    this.options = options
    this.sample = sample
    this.life = life
    const { client, clock, random } = options
    this.informers = new Informers({ client, clock, random, lifetime: life })
    this.name = sample.deployment.metadata.name ?? ''
    this.namespace = sample.deployment.metadata.namespace ?? 'default'
    this.podSelector = Object.entries(sample.service.spec?.selector ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(',')
  }

  async run(): Promise<AppReport> {
    const { clock, ratePerSecond = RATE_PER_SECOND } = this.options
    const recorder = await this.record()
    const { host, port } = await this.deploy()
    const http = this.options.httpClientFactory({ host, port })
    this.life.add('http client', () => http.close())
    await this.answering(http)
    const load = startLoad({ client: http, clock, ratePerSecond, record: recorder.request })
    this.life.add('load', () => load.stop())
    await sleep(clock, WARM_UP_MS)
    const marks: { kind: Action['kind']; pod?: string; at: number; from: number; until: number }[] = []
    const from = clock.now() - BEFORE_ACTION_MS
    const deleted = await this.deleteOne()
    const between = clock.now()
    marks.push({ kind: 'delete', ...deleted, from, until: between })
    await sleep(clock, BEFORE_ACTION_MS)
    const rolledAt = await this.roll()
    await load.stop()
    marks.push({ kind: 'roll', at: rolledAt, from: between, until: Number.POSITIVE_INFINITY })
    const actions = marks.map(({ from: since, until, ...action }) => ({
      ...action,
      recording: recorder.between(since, until),
    }))
    const about = this.sample.deployment.metadata.annotations ?? {}
    const text = about[`${ABOUT}-${this.options.style.language}`] ?? about[ABOUT] ?? ''
    return { name: this.name, about: text, actions }
  }

  private async record(): Promise<Recorder> {
    const { clock, trace } = this.options
    const recorder = new Recorder({
      informers: this.informers,
      clock,
      namespace: this.namespace,
      podSelector: this.podSelector,
      service: this.sample.service.metadata.name ?? '',
      ...(trace ? { trace } : {}),
    })
    await recorder.start()
    this.life.add('recorder', () => recorder.stop())
    return recorder
  }

  /** Creates both objects and waits until all replicas are available. */
  private async deploy(): Promise<{ host: string; port: number }> {
    const { client } = this.options
    const inNamespace = <T extends KubernetesObject>(object: T): T => ({
      ...object,
      metadata: { ...object.metadata, namespace: this.namespace },
    })
    const service = await client.create(services, inNamespace(this.sample.service))
    await client.create(deployments, inNamespace(this.sample.deployment))
    await this.wait(this.deploymentInformer, isComplete, `Deployment ${this.name} to become available`)
    return { host: service.spec?.clusterIP ?? '', port: service.spec?.ports?.[0]?.port ?? 80 }
  }

  /** Until the Service answers: its rules are in force. */
  private async answering(http: HttpClient): Promise<void> {
    const { clock } = this.options
    const until = clock.monotonic() + STEP_MAX_MS
    for (;;) {
      const answer = await http.send({ kind: 'new', timeoutMs: 1_000 })
      if (!isLost({ ...answer, number: 0, kind: 'new', dueAt: 0, sentAt: 0, endedAt: 0 })) return
      if (clock.monotonic() > until)
        throw new WaitError(
          `Service ${this.name} does not answer: ${answer.outcome} ${answer.error ?? answer.status ?? ''}`,
        )
      await sleep(clock, PROBE_EVERY_MS)
    }
  }

  private async deleteOne(): Promise<{ pod: string; at: number }> {
    const { client, clock, random } = this.options
    const running = [...this.podInformer.lister.values()].filter((pod) => !pod.metadata.deletionTimestamp)
    const victim = running[random.int(running.length)]
    if (!victim) throw new Error(`Deployment ${this.name} has no pod`)
    const at = clock.now()
    await client.delete(pods, { namespace: this.namespace, name: victim.metadata.name ?? '' })
    await this.gone([victim])
    return { pod: keyOf(victim), at }
  }

  /** As `kubectl rollout restart` does it. Resolves, when all old pods are gone, to the time of the request. */
  private async roll(): Promise<number> {
    const { client, clock } = this.options
    const old = [...this.podInformer.lister.values()]
    const at = clock.now()
    const annotations = { 'kubectl.kubernetes.io/restartedAt': rfc3339(at) }
    const patch = { spec: { template: { metadata: { annotations } } } }
    await client.patch(deployments, { namespace: this.namespace, name: this.name }, patch)
    await this.gone(old)
    return at
  }

  /** Until these pods are gone and their places taken, and a moment more. */
  private async gone(old: readonly Pod[]): Promise<void> {
    const uids = new Set(old.map((pod) => pod.metadata.uid))
    const names = old.map((pod) => pod.metadata.name).join(', ')
    await this.wait(
      this.podInformer,
      (all: readonly Pod[]) => !all.some((pod) => uids.has(pod.metadata.uid)),
      `the end of ${names}`,
    )
    await this.wait(this.deploymentInformer, isComplete, `Deployment ${this.name} to be complete again`)
    await sleep(this.options.clock, AFTER_ACTION_MS)
  }

  private get podInformer() {
    return this.informers.informer(pods, { namespace: this.namespace, labelSelector: this.podSelector })
  }

  private get deploymentInformer() {
    return this.informers.informer(deployments, {
      namespace: this.namespace,
      fieldSelector: `metadata.name=${this.name}`,
    })
  }

  private wait<T extends KubernetesObject>(
    informer: ReturnType<typeof this.informers.informer<T>>,
    holds: (all: readonly T[]) => boolean,
    what: string,
  ): Promise<void> {
    return waitFor(informer, holds, { clock: this.options.clock, maxMs: STEP_MAX_MS, what })
  }
}

/** Rolled out to the last replica, all of them available. */
function isComplete(all: readonly Deployment[]): boolean {
  const deployment = all[0]
  const { status, spec, metadata } = deployment ?? {}
  const wanted = spec?.replicas ?? 1
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1) &&
    [status?.replicas, status?.updatedReplicas, status?.availableReplicas].every((count) => count === wanted)
  )
}
