/** emptyDir: a folder that lives as long as its pod, on disk or in memory. */
import { parseQuantity } from '../../api/quantity.ts'
import type { Pod, Volume } from '../../api/types/core-v1.gen.ts'
import { ConfigError } from '../sources.ts'
import { groupOf, OPEN_DIRECTORY_MODE, type VolumeContext, type VolumePlugin } from './plugin.ts'

export const emptyDirVolume: VolumePlugin = {
  // What is mounted lies where nothing is ever removed recursively.
  path({ name, emptyDir }, { own, mounts }) {
    const below = emptyDir?.medium === 'Memory' && mounts !== undefined ? mounts : own
    return `${below}/volumes/${name}`
  },
  async setUp(volume, context) {
    const { files, folders, path, pod } = context
    const medium = volume.emptyDir?.medium ?? ''
    const isDisk = medium === '' || (medium === 'Memory' && folders.mounts === undefined)
    if (isDisk) return files.directory(path, { mode: OPEN_DIRECTORY_MODE, ...groupOf(pod) })
    if (medium === 'Memory') return files.memory(path, { ...sizeOf(volume, context), ...groupOf(pod) })
    if (/^HugePages/.test(medium))
      throw new ConfigError('hugePages storage requested, but there is no resource request for huge pages')
    throw new ConfigError(`unknown storage medium ${JSON.stringify(medium)}`)
  },
}

/** The smallest of what the volume, the pod and the node allow. */
function sizeOf({ emptyDir }: Volume, { pod, facts }: VolumeContext): { bytes?: number } {
  const limits = [emptyDir?.sizeLimit, facts.allocatable.memory].flatMap((text) => (text ? [bytesIn(text)] : []))
  const sizes = [...limits, ...memoryLimit(pod)].filter((bytes) => bytes > 0)
  return sizes.length > 0 ? { bytes: Math.min(...sizes) } : {}
}

/** What the containers may use together, if each has a limit. */
function memoryLimit({ spec }: Pod): number[] {
  const limits = spec.containers.map((c) => c.resources?.limits?.memory)
  if (limits.some((limit) => limit === undefined)) return []
  return [limits.reduce((sum, limit) => sum + bytesIn(limit ?? '0'), 0)]
}

const NANOS = 1_000_000_000n
const bytesIn = (quantity: string): number => Number(parseQuantity(quantity).nanos / NANOS)
