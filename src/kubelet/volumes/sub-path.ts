/** subPath and subPathExpr of a mount: what they say once variables are put in, and whether that may be. */
import type { VolumeMount } from '../../api/types/core-v1.gen.ts'
import { expand } from '../env.ts'
import { ConfigError } from '../sources.ts'

/** '' for the whole volume. Throws ConfigError in the kubelet's words. */
export function subPathOf({ subPath = '', subPathExpr }: VolumeMount, env: ReadonlyMap<string, string>): string {
  const path = subPathExpr ? expanded(subPathExpr, env) : subPath
  if (path.startsWith('/')) throw new ConfigError(`error SubPath \`${path}\` must not be an absolute path`)
  if (path.split('/').includes('..'))
    throw new ConfigError(`unable to provision SubPath \`${path}\`: must not contain '..'`)
  return path
}

/** A variable without a value is missing: it would silently mean the whole volume. */
function expanded(text: string, env: ReadonlyMap<string, string>): string {
  const missing = new Set<string>()
  const get = (name: string) => {
    const value = env.get(name) ?? ''
    if (value === '') missing.add(name)
    return value
  }
  const path = expand(text, { get })
  if (missing.size > 0) throw new ConfigError(`missing value for ${[...missing].sort().join(', ')}`)
  return path
}
