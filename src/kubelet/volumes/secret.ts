/** secret: the keys of a secret as files. */
import { secretFiles } from './keyed.ts'
import { contentPlugin } from './plugin.ts'

export const secretVolume = contentPlugin(async ({ secret }, context) =>
  secretFiles({ ...secret, name: secret?.secretName }, secret?.defaultMode, context),
)
