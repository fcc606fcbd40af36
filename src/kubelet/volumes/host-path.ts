/** hostPath: a path of the node itself. */
import { ConfigError } from '../sources.ts'
import type { VolumePlugin } from './plugin.ts'

export const hostPathVolume: VolumePlugin = {
  path: ({ hostPath }) => hostPath?.path ?? '',
  async setUp({ hostPath }, { files, path }) {
    if (path.split('/').includes('..')) throw new ConfigError(`invalid HostPath \`${path}\`: must not contain '..'`)
    await files.hostPath(path, hostPath?.type ?? '')
  },
}
