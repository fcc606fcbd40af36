/**
 * A pod's volumes on its node: made before its first container, kept up to date while it runs, taken away with it. What a type
 * means is its plugin's (`volumes/table.ts`); a type that no plugin knows is never made, and the pod waits.
 */
import { labelNameErrors } from '../api/names.ts'
import type { Container, Pod, Volume } from '../api/types/core-v1.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { DownwardFacts } from './downward.ts'
import { LogReader } from './logs.ts'
import type { ContainerMount } from './runtime.ts'
import { ConfigError, type Sources, textOf } from './sources.ts'
import type { Files, MountSource, PodFolders } from './volumes/files.ts'
import { subPathOf } from './volumes/sub-path.ts'
import { pluginOf } from './volumes/table.ts'
import { PodTokens } from './volumes/tokens.ts'

const LAST_LINES = 80
const LAST_BYTES = 2048
/** Records that surely hold so much text. */
const LAST_RECORDS_BYTES = 16 * 1024

/** Between attempts: doubling, in ms. Source: kubelet's back-off of volume operations. */
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 122_000
/** So long a pass over the pod waits for its volumes before it says that it has given up, in ms, and begins again. */
const WAIT_MAX_MS = 123_000

export interface VolumeSeams {
  readonly files: Files
  readonly sources: Sources
  readonly clock: Clock
  /** Reasons that are for the node's log, since they tell of the node's own files. */
  failed(what: string, error: unknown): void
}

/** Messages for events, and when to try again. */
export interface MountFailure {
  readonly messages: readonly string[]
  readonly retryMs: number
}

/** Volumes of one pod. */
export class PodVolumes {
  private readonly folders: PodFolders
  private readonly seams: VolumeSeams
  private readonly tokens: PodTokens
  /** Made, by name. */
  private readonly ready = new Set<string>()
  private retryMs = RETRY_FIRST_MS
  private waitingSinceMs: number | undefined
  /** One thing at a time is done to a pod's files: what was begun is over before they are removed. */
  private last: Promise<unknown> = Promise.resolve()
  private over = false

  constructor(folders: PodFolders, seams: VolumeSeams) {
    this.folders = folders
    this.seams = seams
    this.tokens = new PodTokens(seams.sources, seams.clock)
  }

  /** Makes the volumes that containers mount. undefined: they are there, or nobody needs them any more. */
  setUp(pod: Pod, facts: DownwardFacts): Promise<MountFailure | undefined> {
    return this.inTurn(async () => {
      const wanted = mountedVolumes(pod).filter(({ name }) => !this.ready.has(name))
      const failed = new Map<string, string>()
      for (const volume of wanted) {
        const why = await this.make(volume, pod, facts)
        if (why === undefined) this.ready.add(volume.name)
        else failed.set(volume.name, why)
      }
      return failed.size === 0 || this.over ? undefined : this.failure(wanted, failed)
    })
  }

  /** Brings what has changed since into the volumes of a running pod. Resolves to messages for events. */
  refresh(pod: Pod, facts: DownwardFacts): Promise<readonly string[]> {
    return this.inTurn(async () => {
      const messages: string[] = []
      for (const volume of mountedVolumes(pod)) {
        if (!pluginOf(volume)?.changes) continue
        const why = await this.make(volume, pod, facts)
        if (why !== undefined) messages.push(setUpFailed(volume.name, why))
      }
      return this.over ? [] : messages
    })
  }

  /** What the container mounts. Throws ConfigError when a mount cannot be made now. */
  async mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<ContainerMount[]> {
    const mounts: ContainerMount[] = []
    for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
      const volume = pod.spec.volumes?.find((v) => v.name === mount.name)
      if (!volume) throw new ConfigError(`volume ${JSON.stringify(mount.name)} not found`)
      const subPath = subPathOf(mount, env)
      const source = subPath ? await this.subPath(volume, subPath, { container, index: i }) : await this.whole(volume)
      const readOnly = (mount.readOnly ?? false) || pluginOf(volume)?.readOnly === true
      mounts.push({ ...source, containerPath: mount.mountPath, readOnly })
    }
    return mounts
  }

  /** What a container wrote last, at most 80 lines and 2048 bytes: its last words when it left none (FallbackToLogsOnError). */
  async lastLines(logPath: string): Promise<string> {
    const bytes = await this.seams.files.tail(`${this.folders.own}/logs/${logPath}`, LAST_RECORDS_BYTES)
    // A beginning that was cut in mid-record is no record.
    const whole = bytes.length < LAST_RECORDS_BYTES ? bytes : bytes.subarray(bytes.indexOf(10) + 1)
    const text = textOf(new LogReader({ follow: false, previous: false, timestamps: false }).push(whole))
    return text
      .split('\n')
      .slice(-LAST_LINES - 1)
      .join('\n')
      .slice(-LAST_BYTES)
  }

  /** Everything of the pod on this node; what was still being made is made in vain. */
  tearDown(): Promise<void> {
    this.over = true
    return this.inTurn(() => this.seams.files.remove(this.folders))
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.last.then(run)
    this.last = turn.catch(() => {})
    return turn
  }

  /** Resolves to why it cannot be made. */
  private async make(volume: Volume, pod: Pod, facts: DownwardFacts): Promise<string | undefined> {
    const plugin = pluginOf(volume)
    if (this.over) return undefined
    if (!plugin) return NO_PLUGIN
    // It becomes a name of a folder: a second look, should the API server not have had the first.
    const [why] = labelNameErrors(volume.name)
    if (why !== undefined) return why
    const { files, sources } = this.seams
    const { folders, tokens } = this
    try {
      await plugin.setUp(volume, { pod, facts, sources, tokens, files, folders, path: this.pathOf(volume) })
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  private failure(wanted: readonly Volume[], failed: ReadonlyMap<string, string>): MountFailure {
    const nowMs = this.seams.clock.now()
    const retryMs = this.retryMs
    this.retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
    this.waitingSinceMs ??= nowMs
    const known = [...failed].filter(([, why]) => why !== NO_PLUGIN)
    const messages = known.map(([name, why]) => setUpFailed(name, why))
    const unknown = wanted.filter(({ name }) => failed.get(name) === NO_PLUGIN).map(({ name }) => name)
    if (unknown.length > 0) {
      const why = unknown.map((name) => `failed to get Plugin from volumeSpec for volume "${name}" err=${NO_PLUGIN}`)
      messages.push(unmounted([...failed.keys()], unknown, why.join('; ')))
    } else if (nowMs - this.waitingSinceMs >= WAIT_MAX_MS) {
      this.waitingSinceMs = nowMs
      messages.push(unmounted([...failed.keys()], [], 'context deadline exceeded'))
    }
    return { messages, retryMs }
  }

  private pathOf(volume: Volume): string {
    return pluginOf(volume)?.path?.(volume, this.folders) ?? `${this.folders.own}/volumes/${volume.name}`
  }

  private async whole(volume: Volume): Promise<MountSource> {
    const hostPath = this.pathOf(volume)
    if (!volume.hostPath) return { hostPath }
    try {
      return await this.seams.files.hostSource(hostPath)
    } catch (error) {
      // Where the node makes no mounts the container may well have none: then nobody misses what could not be made.
      const isRefused = (error as Error).cause === undefined
      if (this.folders.mounts === undefined && !isRefused) return { hostPath }
      throw new Error(`failed to generate container spec: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Why it cannot be had is not said to the pod's owner: it could tell of the node's files. */
  private async subPath(
    volume: Volume,
    path: string,
    { container, index }: { container: Container; index: number },
  ): Promise<MountSource> {
    const { mounts } = this.folders
    const target = mounts && `${mounts}/subpaths/${volume.name}/${container.name}/${index}`
    try {
      const request = { volume: this.pathOf(volume), path, target, isHost: volume.hostPath !== undefined }
      return await this.inTurn(() => this.seams.files.subPath(request))
    } catch (error) {
      const which = `subPath for volumeMount "${volume.name}" of container "${container.name}"`
      this.seams.failed(which, error)
      throw new ConfigError(`failed to prepare ${which}`, { cause: error })
    }
  }
}

const NO_PLUGIN = 'no volume plugin matched'

const setUpFailed = (name: string, why: string): string => `MountVolume.SetUp failed for volume "${name}" : ${why}`

/** The words of a pass that found volumes missing. */
function unmounted(names: readonly string[], unprocessed: readonly string[], why: string): string {
  const list = (items: readonly string[]) => `[${[...items].sort().join(' ')}]`
  const which = `unmounted volumes=${list(names)}, unattached volumes=[], failed to process volumes=${list(unprocessed)}`
  return `Unable to attach or mount volumes: ${which}: ${why}`
}

/** Volumes that no container mounts are not made, and hold up nothing. */
function mountedVolumes({ spec }: Pod): Volume[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const names = containers.flatMap(({ volumeMounts = [], volumeDevices = [] }) =>
    [...volumeMounts, ...volumeDevices].map(({ name }) => name),
  )
  return (spec.volumes ?? []).filter(({ name }) => names.includes(name))
}
