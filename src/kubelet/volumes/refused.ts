/** Types that Kubernetes has a plugin for, and that cannot work on this node: the pod waits, and hears the same words. */
import { ConfigError } from '../sources.ts'
import type { VolumePlugin } from './plugin.ts'

/** Driver plugins register with a node; none does here. */
export const csiVolume: VolumePlugin = {
  async setUp({ csi }) {
    const why = `driver name ${csi?.driver} not found in the list of registered CSI drivers`
    throw new ConfigError(`kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: ${why}`)
  },
}

/** Off by default since Kubernetes 1.33. */
export const gitRepoVolume: VolumePlugin = {
  async setUp() {
    throw new ConfigError(
      'git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`',
    )
  },
}
