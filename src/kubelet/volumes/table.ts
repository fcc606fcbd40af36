/** Type of volume -> how this node makes it. A new type is a file in this folder and a row here. */
import type { Volume } from '../../api/types/core-v1.gen.ts'
import { configMapVolume } from './config-map.ts'
import { downwardApiVolume } from './downward-api.ts'
import { emptyDirVolume } from './empty-dir.ts'
import { hostPathVolume } from './host-path.ts'
import type { VolumePlugin } from './plugin.ts'
import { projectedVolume } from './projected.ts'
import { csiVolume, gitRepoVolume } from './refused.ts'
import { secretVolume } from './secret.ts'

const PLUGINS: Readonly<Partial<Record<keyof Volume, VolumePlugin>>> = {
  configMap: configMapVolume,
  csi: csiVolume,
  downwardAPI: downwardApiVolume,
  emptyDir: emptyDirVolume,
  gitRepo: gitRepoVolume,
  hostPath: hostPathVolume,
  projected: projectedVolume,
  secret: secretVolume,
}

/** undefined: no plugin of this node knows the type. */
export function pluginOf(volume: Volume): VolumePlugin | undefined {
  for (const [type, plugin] of Object.entries(PLUGINS)) if (volume[type as keyof Volume] !== undefined) return plugin
  return undefined
}
