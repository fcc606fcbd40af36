/**
 * The kubelet of one node: watches the pods bound to it, gives each a worker, hands runtime events to the worker they concern,
 * and ends what belongs to no pod. Level-triggered: a worker gets the newest state of its object, never a command.
 */
import { isApiError } from '../api/status.ts'
import { parseTime } from '../api/time.ts'
import type { EbbTracer } from '../api/trace-steps.ts'
import type { Pod, PodStatus, Service } from '../api/types/core-v1.gen.ts'
import { type Clock, sleep } from '../base/clock.ts'
import type { Lifetime } from '../base/lifetime.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { EventRecorder } from '../client/events.ts'
import type { Informer, Informers } from '../client/informer.ts'
import { configMaps, pods, secrets, serviceAccounts, services } from '../client/resources.ts'
import { announcer } from './announce.ts'
import type { DownwardFacts } from './downward.ts'
import type { NodeDns } from './pod-dns.ts'
import type { NodeFacts } from './pod-status.ts'
import { type Adopted, PodWorker, type WorkerSeams } from './pod-worker.ts'
import type { Prober } from './prober.ts'
import type { ContainerStatus, Runtime, SandboxConfig, SandboxStatus } from './runtime.ts'
import { sandboxConfig } from './sandbox-config.ts'
import type { Sources, Token } from './sources.ts'
import type { Files, PodFolders } from './volumes/files.ts'
import { PodVolumes } from './volumes.ts'

/** Between looks at the runtime as a whole, in ms: whatever an event was lost of is found then. */
const RESYNC_MS = 30_000

/** Between looks at what volumes are made from, in ms: Kubernetes promises about a minute. */
const VOLUMES_REFRESH_MS = 30_000

export interface KubeletOptions {
  readonly nodeName: string
  readonly runtime: Runtime
  readonly clock: Clock
  readonly client: ApiClient
  readonly informers: Informers
  readonly recorder: EventRecorder
  readonly trace: EbbTracer
  readonly lifetime: Lifetime
  readonly prober: Prober
  /** The files of pods whose ids are on the node what `hostId` says. */
  readonly files: (hostId: (id: number) => number) => Files
  readonly node: Pick<NodeFacts, 'hostIP'> & Pick<DownwardFacts, 'allocatable'>
  /** Directory for logs and volumes of pods. */
  readonly directory: string
  /** Where mounts for pods are made; absent: this node makes none. */
  readonly mountDirectory?: string
  readonly dns: NodeDns
  /** A pod deleted this soon after it was seen never starts, in ms. Default 0. */
  readonly settleMs?: number
  /** Failures that are tried again, for the log of the node. */
  failed?(what: string, error: unknown): void
}

export class Kubelet {
  private readonly options: KubeletOptions
  private readonly workers = new Map<string, PodWorker>()
  private readonly sandboxOwners = new Map<string, string>()
  private readonly adopted = new Map<string, { sandbox?: SandboxStatus; containers: ContainerStatus[] }>()
  private readonly pods: Informer<Pod>
  private readonly services: Informer<Service>
  private readonly sources: Sources

  constructor(options: KubeletOptions) {
    this.options = options
    this.pods = options.informers.informer(pods, { fieldSelector: `spec.nodeName=${options.nodeName}` })
    this.services = options.informers.informer(services)
    this.sources = clientSources(options.client, this.services)
  }

  /** Adopts what the runtime still has, then follows the API. Resolves when it does. */
  async start(): Promise<void> {
    const { runtime, lifetime } = this.options
    lifetime.add(
      'runtime events',
      runtime.subscribe((event) => {
        const uid = this.sandboxOwners.get(event.container.sandboxId)
        if (uid !== undefined) this.workers.get(uid)?.runtimeEvent(event)
      }),
    )
    await this.takeStock()
    await Promise.all([this.pods.synced, this.services.synced])
    lifetime.add(
      'pods',
      this.pods.on({
        add: (pod) => this.seen(pod),
        update: (pod) => this.seen(pod),
        delete: (pod) => this.gone(pod),
      }),
    )
    for (const [uid, { sandbox }] of this.adopted) if (sandbox) this.endOrphan(uid, sandbox)
    void this.resync()
    void this.keepVolumes()
  }

  private async resync(): Promise<void> {
    const { runtime, clock, lifetime, failed } = this.options
    while (!lifetime.closed) {
      await sleep(clock, RESYNC_MS, lifetime.signal)
      if (lifetime.closed) return
      try {
        const containers = await runtime.listContainers()
        for (const worker of this.workers.values()) worker.resync(containers)
      } catch (error) {
        failed?.('looking at all containers', error)
      }
    }
  }

  /** What volumes show follows what it is made from: config maps, secrets, tokens that grow old. */
  private async keepVolumes(): Promise<void> {
    const { clock, lifetime } = this.options
    while (!lifetime.closed) {
      await sleep(clock, VOLUMES_REFRESH_MS, lifetime.signal)
      for (const worker of [...this.workers.values()]) if (!lifetime.closed) await worker.mounting.refresh()
    }
  }

  /** Pods whose object is in the API, whether this node still runs them or not, by namespace and name. */
  find(namespace: string, name: string): Pod | undefined {
    return this.pods.lister.get(`${namespace}/${name}`)
  }

  /** All of them. */
  list(): readonly Pod[] {
    return [...this.pods.lister.values()]
  }

  /** What is known of a pod here, which the API may not have been told yet. */
  status({ metadata, status = {} }: Pod): PodStatus {
    return this.workers.get(metadata.uid ?? '')?.status ?? status
  }

  /** Ends the containers of all pods, each with its grace. The API is not told: the pods are this node's again when it is back. */
  async shutDown(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.shutDown()))
  }

  /** What the runtime has from before this process: to be adopted when the pods are seen. */
  private async takeStock(): Promise<void> {
    const { runtime } = this.options
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(), runtime.listContainers()])
    for (const sandbox of [...sandboxes].sort((a, b) => a.config.attempt - b.config.attempt)) {
      const { uid } = sandbox.config
      this.sandboxOwners.set(sandbox.id, uid)
      const entry = this.adopted.get(uid) ?? { containers: [] }
      this.adopted.set(uid, { ...entry, sandbox })
    }
    for (const container of containers) {
      const uid = this.sandboxOwners.get(container.sandboxId)
      if (uid !== undefined) this.adopted.get(uid)?.containers.push(container)
    }
  }

  private seen(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const worker = this.workers.get(uid)
    if (worker) worker.update(pod)
    else this.begin(pod, this.adopted.get(uid))
    this.adopted.delete(uid)
  }

  private gone(pod: Pod): void {
    const worker = this.workers.get(pod.metadata.uid ?? '')
    if (!worker) return
    if (pod.metadata.deletionTimestamp) worker.update(pod)
    worker.remove()
  }

  private begin(pod: Pod, adopted: Adopted | undefined): PodWorker {
    const worker = new PodWorker(pod, this.workerSeams(pod), adopted)
    this.workers.set(worker.uid, worker)
    worker.start()
    return worker
  }

  /** Containers whose pod was removed while no kubelet looked: they get the shortest grace. */
  private endOrphan(uid: string, { config }: SandboxStatus): void {
    const adopted = this.adopted.get(uid)
    this.adopted.delete(uid)
    const containers = [...new Set(adopted?.containers.map((c) => c.name))].map((name) => ({ name }))
    const metadata = { namespace: config.namespace, name: config.name, uid, deletionGracePeriodSeconds: 0 }
    const pod: Pod = { metadata, spec: { containers, nodeName: this.options.nodeName, restartPolicy: 'Never' } }
    this.begin(pod, adopted).remove()
  }

  private workerSeams(pod: Pod): WorkerSeams {
    const { options } = this
    const { uid = '' } = pod.metadata
    return {
      ...options,
      node: { ...options.node, runtimeName: options.runtime.name },
      sources: this.sources,
      volumes: this.volumesOf(pod),
      settleMs: options.settleMs ?? 0,
      signal: options.lifetime.signal,
      sandboxConfig: (newest) => this.sandboxConfig(newest),
      sandboxMade: ({ id }) => this.sandboxOwners.set(id, uid),
      failed: (what, error) => options.failed?.(what, error),
      done: () => {
        this.workers.delete(uid)
        for (const [sandbox, owner] of this.sandboxOwners) if (owner === uid) this.sandboxOwners.delete(sandbox)
      },
    }
  }

  private volumesOf(pod: Pod): PodVolumes {
    const { files, runtime, clock, mountDirectory, failed } = this.options
    const { namespace, name, uid } = pod.metadata
    const mounts = mountDirectory === undefined ? undefined : `${mountDirectory}/${uid}`
    const folders: PodFolders = { own: this.podDirectory(pod), mounts }
    return new PodVolumes(folders, {
      files: files((id) => runtime.hostId(userNamespaceOf(pod), id)),
      clock,
      sources: this.sources,
      failed: (what, error) => failed?.(`${what} of pod ${namespace}/${name}`, error),
    })
  }

  /** Logs and volumes of one pod. */
  podDirectory({ metadata }: Pod): string {
    // The uid alone: with the longest of namespaces and names a folder's own could not be made.
    return `${this.options.directory}/pods/${metadata.uid}`
  }

  private sandboxConfig(pod: Pod): Omit<SandboxConfig, 'attempt'> {
    const { nodeName, dns, recorder } = this.options
    const logDirectory = `${this.podDirectory(pod)}/logs`
    const { config, warnings } = sandboxConfig(pod, { nodeName, dns, logDirectory })
    for (const warning of warnings) announcer(recorder, pod)('Warning', 'DNSConfigForming', warning)
    return { ...config, userNamespace: userNamespaceOf(pod) }
  }
}

function tokenOf(answer: unknown): Token | undefined {
  const { status } = answer as { status?: { token?: string; expirationTimestamp?: string } }
  if (status?.token === undefined) return undefined
  return { text: status.token, expiresAtMs: parseTime(status.expirationTimestamp ?? '') ?? 0 }
}

/** Environment and volumes from the API; services from the informer. */
function clientSources(client: ApiClient, known: Informer<Service>): Sources {
  return {
    configMap: (namespace, name) => client.find(configMaps, { namespace, name }),
    secret: (namespace, name) => client.find(secrets, { namespace, name }),
    services: (namespace) => known.lister.inNamespace(namespace),
    async token(pod, { audience, expirationSeconds }) {
      const { namespace = '', name, uid } = pod.metadata
      const spec = {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      }
      const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
      const account = { namespace, name: pod.spec.serviceAccountName ?? 'default' }
      try {
        const answer = await client.createSubresource(serviceAccounts, account, 'token', request)
        return tokenOf(answer)
      } catch (error) {
        // A server that makes no tokens: the pod goes without. One that does says which object it missed.
        if (isApiError(error, 'MethodNotAllowed') || (isApiError(error, 'NotFound') && !error.status.details?.name))
          return undefined
        throw error
      }
    },
  }
}

/** Who may mount any path of the host is trusted with the host's files; all others are strangers to them. */
function userNamespaceOf({ spec }: Pod): 'pod' | 'node' {
  return spec.volumes?.some((volume) => volume.hostPath) ? 'node' : 'pod'
}
