/** downwardAPI: what the pod may know of itself, a file an item. */
import type { DownwardAPIVolumeFile } from '../../api/types/core-v1.gen.ts'
import { fieldText, resourceText } from '../downward.ts'
import { bytesOf, ConfigError } from '../sources.ts'
import type { VolumeFile } from './files.ts'
import { contentPlugin, type VolumeContext } from './plugin.ts'

const FILE_MODE = 0o644

export const downwardApiVolume = contentPlugin(async ({ downwardAPI }, context) =>
  downwardFiles(downwardAPI?.items, downwardAPI?.defaultMode, context),
)

export function downwardFiles(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  mode: number | undefined,
  context: VolumeContext,
): VolumeFile[] {
  return (items ?? []).map((item) => {
    const content = bytesOf(itemText(item, context))
    return { path: item.path, content, mode: item.mode ?? mode ?? FILE_MODE }
  })
}

function itemText({ fieldRef, resourceFieldRef }: DownwardAPIVolumeFile, { pod, facts }: VolumeContext): string {
  if (fieldRef) return fieldText(fieldRef.fieldPath, pod, facts)
  if (!resourceFieldRef) return ''
  const { containerName = '' } = resourceFieldRef
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  const container = containers.find((c) => c.name === containerName)
  if (!container) throw new ConfigError(`container ${containerName} not found`)
  return resourceText(resourceFieldRef, container, facts)
}
