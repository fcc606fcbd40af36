/** projected: several sources in one folder; the way by which a pod gets its service account's token. */
import type { Pod, VolumeProjection } from '../../api/types/core-v1.gen.ts'
import { bytesOf, ConfigError } from '../sources.ts'
import { downwardFiles } from './downward-api.ts'
import type { VolumeFile } from './files.ts'
import { configMapFiles, secretFiles } from './keyed.ts'
import { contentPlugin, groupOf, type VolumeContext } from './plugin.ts'

const FILE_MODE = 0o644
/** Where the pod says whose its files are; a group may read what is its own. */
const PRIVATE_MODE = 0o600
const TOKEN_SECONDS = 3600

/** What is missing is said of all sources together, as in Kubernetes. */
export const projectedVolume = contentPlugin(async ({ projected }, context) => {
  const files: VolumeFile[] = []
  const missing = new Set<string>()
  for (const source of projected?.sources ?? []) {
    try {
      files.push(...(await sourceFiles(source, projected?.defaultMode, context)))
    } catch (error) {
      missing.add((error as Error).message)
    }
  }
  if (missing.size > 0) throw new ConfigError(missing.size === 1 ? [...missing].join() : `[${[...missing].join(', ')}]`)
  return files
})

async function sourceFiles(
  { configMap, secret, downwardAPI, serviceAccountToken: token }: VolumeProjection,
  mode: number | undefined,
  context: VolumeContext,
): Promise<VolumeFile[]> {
  if (configMap) return configMapFiles(configMap, mode, context)
  if (secret) return secretFiles(secret, mode, context)
  if (downwardAPI) return downwardFiles(downwardAPI.items, mode, context)
  return token ? tokenFiles(token, mode, context) : []
}

async function tokenFiles(
  { audience = '', expirationSeconds = TOKEN_SECONDS, path }: NonNullable<VolumeProjection['serviceAccountToken']>,
  mode: number | undefined,
  { pod, tokens }: VolumeContext,
): Promise<VolumeFile[]> {
  const token = await tokens.get(pod, { audience, expirationSeconds })
  if (token === undefined) return []
  const user = userOf(pod)
  const isPrivate = user !== undefined || groupOf(pod).group !== undefined
  const access = isPrivate ? { mode: PRIVATE_MODE } : { mode: mode ?? FILE_MODE }
  return [{ path, content: bytesOf(token), ...access, ...(user === undefined ? {} : { owner: user }) }]
}

/** The user that all containers of the pod run as; undefined when one names none, or another. */
export function userOf({ spec }: Pod): number | undefined {
  const own = spec.securityContext?.runAsUser
  const users = [...(spec.initContainers ?? []), ...spec.containers].map((c) => c.securityContext?.runAsUser ?? own)
  return new Set(users).size === 1 ? users[0] : undefined
}
