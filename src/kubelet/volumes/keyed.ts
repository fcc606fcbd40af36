/** The files of a config map or a secret: all of its keys, or those that `items` names, at the paths that it gives. */
import type { KeyToPath } from '../../api/types/core-v1.gen.ts'
import { ConfigError, configContent, secretContent } from '../sources.ts'
import type { VolumeFile } from './files.ts'
import type { VolumeContext } from './plugin.ts'

export interface KeyedSource {
  readonly name?: string | undefined
  readonly items?: readonly KeyToPath[] | undefined
  readonly optional?: boolean | undefined
}

const FILE_MODE = 0o644

export async function configMapFiles(source: KeyedSource, mode: number | undefined, context: VolumeContext) {
  const { name = '', optional } = source
  const found = await context.sources.configMap(context.pod.metadata.namespace ?? '', name)
  if (!found && !optional) throw new ConfigError(`configmap ${JSON.stringify(name)} not found`)
  return found ? pick(source, configContent(found), { mode, what: 'configmap references' }) : []
}

export async function secretFiles(source: KeyedSource, mode: number | undefined, context: VolumeContext) {
  const { name = '', optional } = source
  const found = await context.sources.secret(context.pod.metadata.namespace ?? '', name)
  if (!found && !optional) throw new ConfigError(`secret ${JSON.stringify(name)} not found`)
  return found ? pick(source, secretContent(found), { mode, what: 'references' }) : []
}

function pick(
  { items, optional }: KeyedSource,
  content: ReadonlyMap<string, Uint8Array>,
  { mode = FILE_MODE, what }: { mode: number | undefined; what: string },
): VolumeFile[] {
  if (!items?.length) return [...content].map(([path, bytes]) => ({ path, content: bytes, mode }))
  return items.flatMap((item) => {
    const bytes = content.get(item.key)
    if (bytes) return [{ path: item.path, content: bytes, mode: item.mode ?? mode }]
    if (optional) return []
    const kind = what === 'references' ? 'secret' : 'config'
    throw new ConfigError(`${what} non-existent ${kind} key: ${item.key}`)
  })
}
