/**
 * A pod's volumes as directories of the node: emptyDir, hostPath, configMap, secret, downwardAPI and projected. Contents are
 * written once, before the first container; changes of config maps do not reach running pods yet.
 */
import type { Container, KeyToPath, Pod, Volume } from '../api/types/core-v1.gen.ts'
import { type DownwardFacts, fieldText, resourceText } from './downward.ts'
import { LogReader } from './logs.ts'
import { bytesOf, ConfigError, configContent, type Sources, secretContent, textOf } from './sources.ts'

/** Where files come to be; `files.node.ts`, or memory. Paths are absolute. */
export interface Files {
  /** Makes the directory if it is not there. */
  directory(path: string, mode: number): Promise<void>
  /** Puts the content in place; directories between are made. */
  write(path: string, content: Uint8Array, mode: number): Promise<void>
  remove(path: string): Promise<void>
  /** The last bytes of a file, empty when there is none. */
  tail(path: string, bytes: number): Promise<Uint8Array>
}

interface VolumeFile {
  readonly path: string
  readonly content: Uint8Array
  readonly mode: number
}

export interface Mount {
  readonly hostPath: string
  readonly containerPath: string
  readonly readOnly: boolean
}

const LAST_LINES = 80
const LAST_BYTES = 2048
/** Records that surely hold so much text. */
const LAST_RECORDS_BYTES = 16 * 1024
const DIRECTORY_MODE = 0o777
const FILE_MODE = 0o644

/** Volumes of one pod below `directory`. */
export class PodVolumes {
  private readonly directory: string
  private readonly files: Files
  private readonly sources: Sources

  constructor(directory: string, files: Files, sources: Sources) {
    this.directory = directory
    this.files = files
    this.sources = sources
  }

  /** Rejects with `MountVolume.SetUp failed for volume "x" : why` when something is missing. */
  async setUp(pod: Pod, facts: DownwardFacts): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.hostPath) continue
      try {
        await this.files.directory(this.pathOf(volume), DIRECTORY_MODE)
        for (const file of await volumeFiles(volume, { pod, sources: this.sources, facts }))
          await this.files.write(`${this.pathOf(volume)}/${file.path}`, file.content, file.mode)
      } catch (error) {
        throw new ConfigError(`MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`)
      }
    }
  }

  mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Mount[] {
    return (container.volumeMounts ?? []).map((mount) => {
      const volume = pod.spec.volumes?.find((v) => v.name === mount.name)
      if (!volume) throw new ConfigError(`volume ${JSON.stringify(mount.name)} not found`)
      const expanded = mount.subPathExpr?.replace(/\$\(([^)]+)\)/g, (_, name: string) => env.get(name) ?? '')
      const subPath = expanded ?? mount.subPath
      return {
        hostPath: subPath ? `${this.pathOf(volume)}/${subPath}` : this.pathOf(volume),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly ?? false,
      }
    })
  }

  /** What a container wrote last, at most 80 lines and 2048 bytes: its last words when it left none (FallbackToLogsOnError). */
  async lastLines(logPath: string): Promise<string> {
    const bytes = await this.files.tail(`${this.directory}/logs/${logPath}`, LAST_RECORDS_BYTES)
    // A beginning that was cut in mid-record is no record.
    const whole = bytes.length < LAST_RECORDS_BYTES ? bytes : bytes.subarray(bytes.indexOf(10) + 1)
    const text = textOf(new LogReader({ follow: false, previous: false, timestamps: false }).push(whole))
    return text
      .split('\n')
      .slice(-LAST_LINES - 1)
      .join('\n')
      .slice(-LAST_BYTES)
  }

  tearDown(): Promise<void> {
    return this.files.remove(this.directory)
  }

  private pathOf(volume: Volume): string {
    return volume.hostPath ? volume.hostPath.path : `${this.directory}/volumes/${volume.name}`
  }
}

interface FileContext {
  readonly pod: Pod
  readonly sources: Sources
  readonly facts: DownwardFacts
}

async function volumeFiles(volume: Volume, context: FileContext): Promise<VolumeFile[]> {
  const { configMap, secret, downwardAPI, projected } = volume
  if (configMap) return fromConfigMap({ ...configMap, name: configMap.name ?? '' }, configMap.defaultMode, context)
  if (secret) return fromSecret({ ...secret, name: secret.secretName ?? '' }, secret.defaultMode, context)
  if (downwardAPI) return fromDownward(downwardAPI.items ?? [], downwardAPI.defaultMode, context)
  const files: VolumeFile[] = []
  for (const source of projected?.sources ?? []) {
    const mode = projected?.defaultMode
    if (source.configMap) files.push(...(await fromConfigMap({ name: '', ...source.configMap }, mode, context)))
    if (source.secret) files.push(...(await fromSecret({ name: '', ...source.secret }, mode, context)))
    if (source.downwardAPI) files.push(...fromDownward(source.downwardAPI.items ?? [], mode, context))
    if (source.serviceAccountToken) files.push(...(await fromToken(source.serviceAccountToken, context)))
  }
  return files
}

interface KeyedSource {
  readonly name: string
  readonly items?: readonly KeyToPath[]
  readonly optional?: boolean
}

async function fromConfigMap(source: KeyedSource, mode: number | undefined, { pod, sources }: FileContext) {
  const found = await sources.configMap(pod.metadata.namespace ?? '', source.name)
  if (!found && !source.optional) throw new ConfigError(`configmap ${JSON.stringify(source.name)} not found`)
  return found ? pick(source, configContent(found), mode) : []
}

async function fromSecret(source: KeyedSource, mode: number | undefined, { pod, sources }: FileContext) {
  const found = await sources.secret(pod.metadata.namespace ?? '', source.name)
  if (!found && !source.optional) throw new ConfigError(`secret ${JSON.stringify(source.name)} not found`)
  return found ? pick(source, secretContent(found), mode) : []
}

/** All keys, or those that `items` names at the paths it gives. */
function pick(source: KeyedSource, content: Map<string, Uint8Array>, mode: number | undefined): VolumeFile[] {
  if (!source.items) return [...content].map(([path, bytes]) => ({ path, content: bytes, mode: mode ?? FILE_MODE }))
  return source.items.flatMap((item) => {
    const bytes = content.get(item.key)
    if (bytes) return [{ path: item.path, content: bytes, mode: item.mode ?? mode ?? FILE_MODE }]
    if (source.optional) return []
    throw new ConfigError(`references non-existent config key: ${item.key}`)
  })
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]

function fromDownward(items: readonly DownwardItem[], mode: number | undefined, { pod, facts }: FileContext) {
  return items.map((item): VolumeFile => {
    const { fieldRef, resourceFieldRef } = item
    const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
    const container = containers.find((c) => c.name === resourceFieldRef?.containerName)
    let text = ''
    if (fieldRef) text = fieldText(fieldRef.fieldPath, pod, facts)
    else if (resourceFieldRef && container) text = resourceText(resourceFieldRef, container, facts)
    return { path: item.path, content: bytesOf(text), mode: item.mode ?? mode ?? FILE_MODE }
  })
}

async function fromToken(
  { audience = '', expirationSeconds = 3600, path }: { audience?: string; expirationSeconds?: number; path: string },
  { pod, sources }: FileContext,
): Promise<VolumeFile[]> {
  const token = await sources.token(pod, { audience, expirationSeconds })
  return token === undefined ? [] : [{ path, content: bytesOf(token), mode: 0o600 }]
}
