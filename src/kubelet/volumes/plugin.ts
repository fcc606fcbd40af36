/**
 * A type of volume. One file a type in this folder, one row in `table.ts`; a type without a row is one that Kubernetes keeps and
 * this node cannot mount, and its pod waits.
 */
import type { Pod, Volume } from '../../api/types/core-v1.gen.ts'
import type { DownwardFacts } from '../downward.ts'
import type { Sources } from '../sources.ts'
import type { Files, PodFolders, VolumeFile } from './files.ts'
import type { PodTokens } from './tokens.ts'

export interface VolumeContext {
  readonly pod: Pod
  readonly facts: DownwardFacts
  readonly sources: Sources
  readonly tokens: PodTokens
  readonly files: Files
  readonly folders: PodFolders
  /** Where the volume lies. */
  readonly path: string
}

export interface VolumePlugin {
  /** Containers can only read it, whatever their mounts say. */
  readonly readOnly?: true
  /** Its sources may change: it is set up again from time to time while the pod runs. */
  readonly changes?: true
  /** Where the volume lies; by default a folder of its own below the pod's. */
  path?(volume: Volume, pod: PodFolders): string
  /**
   * Makes the volume, or makes it right again. Rejects with why it cannot, in Kubernetes' words. Taking it away is the same for
   * all: mounts, then folders.
   */
  setUp(volume: Volume, context: VolumeContext): Promise<void>
}

/** A type whose files the kubelet writes: read-only, and kept up to date. */
export function contentPlugin(
  content: (volume: Volume, context: VolumeContext) => Promise<readonly VolumeFile[]>,
): VolumePlugin {
  return {
    readOnly: true,
    changes: true,
    async setUp(volume, context) {
      const { files, path, pod } = context
      const published = await content(volume, context)
      const group = groupOf(pod)
      await files.directory(path, { mode: OPEN_DIRECTORY_MODE, ...group })
      await files.publish(path, published, group)
    },
  }
}

/** Whoever the container runs as may write there; what a volume is read-only for is the mount's. */
export const OPEN_DIRECTORY_MODE = 0o777

/** fsGroup: whose the volumes of a pod are. As in Kubernetes fsGroupChangePolicy means nothing to volumes that live as long as it. */
export function groupOf({ spec }: Pod): { readonly group?: number } {
  const group = spec.securityContext?.fsGroup
  return group === undefined ? {} : { group }
}
