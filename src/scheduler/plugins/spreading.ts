import type { Pod } from '../../api/types/core-v1.gen.ts'
import { fewerIsBetter, type ScorePlugin } from '../plugin.ts'

/** Prefers nodes with fewer pods of the same controller. */
export const spreading: ScorePlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  score(pod, nodes) {
    const owner = controllerUid(pod)
    if (owner === undefined) return nodes.map(() => 100)
    return fewerIsBetter(
      nodes.map(({ pods }) => {
        let siblings = 0
        for (const other of pods.values())
          if (other.metadata.deletionTimestamp === undefined && controllerUid(other) === owner) siblings++
        return siblings
      }),
    )
  },
}

function controllerUid({ metadata }: Pod): string | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid
}
