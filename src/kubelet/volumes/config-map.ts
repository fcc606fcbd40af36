/** configMap: the keys of a config map as files. */
import { configMapFiles } from './keyed.ts'
import { contentPlugin } from './plugin.ts'

export const configMapVolume = contentPlugin(async ({ configMap }, context) =>
  configMapFiles(configMap ?? {}, configMap?.defaultMode, context),
)
