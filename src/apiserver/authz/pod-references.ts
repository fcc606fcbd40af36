/** What a pod's node has to read for it: the names that its spec holds. Source: pkg/api/pod, VisitPodSecretNames and its like. */
import type { KubernetesObject } from '../../api/object.ts'
import type { Container, Pod, Volume } from '../../api/types/core-v1.gen.ts'

/** A pod that shows one which runs from a file on its node. */
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

export type Referenced = 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts' | 'resourceclaims'

export interface Reference {
  readonly plural: Referenced
  /** In the pod's namespace, unless `namespace` says another one. */
  readonly name: string
  readonly namespace?: string
}

type Named = { readonly name?: string; readonly namespace?: string } | undefined | null

export function podReferences(pod: Pod): readonly Reference[] {
  const found: Reference[] = []
  const add = (plural: Referenced, name: string | undefined, namespace?: string) => {
    if (name) found.push({ plural, name, ...(namespace ? { namespace } : {}) })
  }
  const { spec } = pod
  add('serviceaccounts', spec.serviceAccountName)
  for (const secret of spec.imagePullSecrets ?? []) add('secrets', secret.name)
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
  for (const container of containers) ofContainer(container as Container, add)
  for (const volume of spec.volumes ?? []) ofVolume(volume, pod, add)
  for (const claim of spec.resourceClaims ?? []) add('resourceclaims', claim.resourceClaimName)
  for (const claim of pod.status?.resourceClaimStatuses ?? []) add('resourceclaims', claim.resourceClaimName)
  return found
}

type Add = (plural: Referenced, name: string | undefined, namespace?: string) => void

function ofContainer({ env, envFrom }: Container, add: Add): void {
  for (const { valueFrom } of env ?? []) {
    add('secrets', valueFrom?.secretKeyRef?.name)
    add('configmaps', valueFrom?.configMapKeyRef?.name)
  }
  for (const { secretRef, configMapRef } of envFrom ?? []) {
    add('secrets', secretRef?.name)
    add('configmaps', configMapRef?.name)
  }
}

function ofVolume(volume: Volume, pod: Pod, add: Add): void {
  add('configmaps', volume.configMap?.name)
  add('secrets', volume.secret?.secretName)
  for (const source of volume.projected?.sources ?? []) {
    add('secrets', source.secret?.name)
    add('configmaps', source.configMap?.name)
  }
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName)
  if (volume.ephemeral) add('persistentvolumeclaims', `${pod.metadata.name}-${volume.name}`)
  for (const secret of secretsOfSource(volume)) add('secrets', secret.name)
}

/** Secrets that a volume's driver needs, for the sources that pods and persistent volumes have in common. */
function secretsOfSource(source: object): { readonly name: string; readonly namespace?: string }[] {
  const { azureFile, cephfs, csi, flexVolume, iscsi, rbd, scaleIO, storageos } = source as Record<
    string,
    Readonly<Record<string, unknown>> | undefined
  >
  const refs: Named[] = [cephfs, flexVolume, iscsi, rbd, scaleIO, storageos].map((s) => s?.secretRef as Named)
  if (azureFile) {
    const { secretName: name, secretNamespace: namespace } = azureFile as {
      secretName?: string
      secretNamespace?: string
    }
    refs.push({ ...(name ? { name } : {}), ...(namespace ? { namespace } : {}) })
  }
  for (const key of CSI_REFS) refs.push(csi?.[key] as Named)
  return refs.flatMap((ref) =>
    ref?.name ? [{ name: ref.name, ...(ref.namespace ? { namespace: ref.namespace } : {}) }] : [],
  )
}

const CSI_REFS = ['nodePublishSecretRef', 'nodeStageSecretRef', 'nodeExpandSecretRef', 'controllerPublishSecretRef']

interface PersistentVolume extends KubernetesObject {
  readonly spec?: { readonly claimRef?: { readonly namespace?: string; readonly name?: string } }
}

/** The claim that a persistent volume belongs to, and the secrets it is reached with. */
export function volumeReferences(object: KubernetesObject) {
  const { spec = {} } = object as PersistentVolume
  const { namespace = '', name = '' } = spec.claimRef ?? {}
  const secrets = secretsOfSource(spec).map((secret) => ({ namespace, ...secret }))
  return { claim: name ? { namespace, name } : undefined, secrets }
}
