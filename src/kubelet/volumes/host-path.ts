/** hostPath: a path of the node itself. */
import { ConfigError } from '../sources.ts'
import type { VolumePlugin } from './plugin.ts'

/** A relative path is one from the node's root, where kubelet and container runtime run: never from where ebb was started. */
const fromRoot = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

export const hostPathVolume: VolumePlugin = {
  path: ({ hostPath }) => fromRoot(hostPath?.path ?? ''),
  async setUp({ hostPath }, { files, path }) {
    if (path.split('/').includes('..')) throw new ConfigError(`invalid HostPath \`${path}\`: must not contain '..'`)
    await files.hostPath(path, hostPath?.type ?? '')
  },
}
