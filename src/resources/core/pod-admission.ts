/**
 * What Kubernetes' default admission plugins do to a new pod: RuntimeClass (beside), ServiceAccount (account, token volume, pull
 * secrets), Priority, DefaultTolerationSeconds. They know the cluster's objects, which defaults do not. Throws ApiError 403 to refuse.
 */

import type { Draft, KubernetesObject } from '../../api/object.ts'
import { forbidden } from '../../api/status.ts'
import type { Container, Pod, PodSpec, ServiceAccount, Toleration, Volume } from '../../api/types/core-v1.gen.ts'
import { own } from '../../base/own.ts'
import type { Context } from '../declaration.ts'
import { admitRuntimeClass } from './runtime-class-admission.ts'

const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
/** One hour and seven seconds: the seconds mark tokens that the API server may still accept for longer. */
const TOKEN_SECONDS = 3607
const FILE_MODE = 420
const EVICT_AFTER_SECONDS = 300
/** Letters and digits of generated names: no vowels, nothing easily confused. */
const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const PODS = { group: '', resource: 'pods' }

/** Classes that exist without being stored. */
const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

export function admitPod(pod: Draft<Pod>, context: Context): void {
  admitRuntimeClass(pod, nameOf(pod), context)
  admitServiceAccount(pod, context)
  admitPriority(pod, context)
  admitTolerations(pod.spec)
}

/** As Kubernetes refuses it, before a name is made from generateName: the refusals of a controller's attempts are alike. */
const nameOf = ({ metadata }: Draft<Pod>): string => metadata.generateName || metadata.name || ''

function admitServiceAccount(pod: Draft<Pod>, context: Context): void {
  const { spec, metadata } = pod
  // A mirror pod shows a pod that runs from a file: it has no identity in the cluster.
  if (metadata.annotations?.['kubernetes.io/config.mirror']) return
  const name = spec.serviceAccountName || 'default'
  spec.serviceAccountName = name
  spec.serviceAccount = name
  const namespace = metadata.namespace ?? ''
  const account = context.lookup('', 'serviceaccounts', namespace, name) as ServiceAccount | undefined
  // The default account of a new namespace may be a moment late; its pods need not wait for it.
  if (!account && name !== 'default') {
    const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`
    throw forbidden(PODS, nameOf(pod), why)
  }
  if (spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true) mountToken(spec, context)
  if (!spec.imagePullSecrets?.length && account?.imagePullSecrets?.length) {
    spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }))
  }
}

/** Adds the projected volume with token, root certificate and namespace, where a container has nothing at its mount path. */
function mountToken(spec: Draft<PodSpec>, context: Context): void {
  const present = spec.volumes?.find((v) => v.name.startsWith('kube-api-access-'))
  let name = present?.name
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])] as Draft<Container>[]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === TOKEN_MOUNT)) continue
    name ??= `kube-api-access-${suffix(context)}`
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: TOKEN_MOUNT }]
  }
  if (name && !present) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

function suffix(context: Context): string {
  let text = ''
  for (let i = 0; i < 5; i++) text += SUFFIX_LETTERS[context.random.int(SUFFIX_LETTERS.length)]
  return text
}

function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: FILE_MODE,
    },
  }
}

interface PriorityClass extends KubernetesObject {
  readonly value?: number
  readonly preemptionPolicy?: string
}

function admitPriority(pod: Draft<Pod>, context: Context): void {
  const { spec } = pod
  const name = spec.priorityClassName
  const found = name ? priorityOf(name, context) : { value: 0 }
  if (!found) throw forbidden(PODS, nameOf(pod), `no PriorityClass with name ${name} was found`)
  const value = found.value ?? 0
  if (spec.priority !== undefined && spec.priority !== value) {
    const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`
    throw forbidden(PODS, nameOf(pod), why)
  }
  spec.priority = value
  spec.preemptionPolicy ??= found.preemptionPolicy ?? 'PreemptLowerPriority'
}

/** An update that says nothing of the priority does not mean to lose it. */
export function keepPriority(spec: Draft<PodSpec>, old: PodSpec): void {
  if (old.priority !== undefined) spec.priority ??= old.priority
  if (old.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy
}

function priorityOf(name: string, context: Context): { value?: number; preemptionPolicy?: string } | undefined {
  const system = own(SYSTEM_PRIORITIES, name)
  if (system !== undefined) return { value: system }
  return context.lookup('scheduling.k8s.io', 'priorityclasses', '', name) as PriorityClass | undefined
}

/** A pod leaves a node that is lost after five minutes, unless it says otherwise. On updates too. */
export function admitTolerations(spec: Draft<PodSpec>): void {
  const tolerations = spec.tolerations ?? []
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) => !tolerations.some((t) => (!t.key || t.key === key) && (!t.effect || t.effect === 'NoExecute')),
  )
  if (added.length === 0) return
  const made = added.map((key): Draft<Toleration> => {
    return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: EVICT_AFTER_SECONDS }
  })
  spec.tolerations = [...tolerations, ...made]
}
