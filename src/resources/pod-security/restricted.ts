/** The checks that the restricted standard has besides. Source: "Pod Security Standards"; the words are Kubernetes'. */
import type { Volume } from '../../api/types/core-v1.gen.ts'
import { addedCapabilities, isProfile, seccompProfile as seccompBaseline } from './baseline.ts'
import { distinct, named, namesOf, plural, quoted, type Subject, setters, type Verdict } from './subject.ts'

export function allowPrivilegeEscalation({ spec }: Subject): Verdict {
  const names = namesOf(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
  if (names.length === 0) return undefined
  const detail = `${named('container', names)} must set securityContext.allowPrivilegeEscalation=false`
  return { reason: 'allowPrivilegeEscalation != false', detail }
}

export function capabilities(subject: Subject): Verdict {
  const keeping = namesOf(
    subject.spec,
    ({ securityContext }) => !securityContext?.capabilities?.drop?.some((name) => name === 'ALL'),
  )
  const details = [
    keeping.length ? `${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]` : '',
    addedCapabilities(subject, ['NET_BIND_SERVICE']),
  ].filter(Boolean)
  return details.length ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined
}

const VOLUME_TYPES: readonly (keyof Volume)[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]

export function volumeTypes({ spec }: Subject): Verdict {
  const bad = (spec.volumes ?? []).filter((volume) => !VOLUME_TYPES.some((type) => volume[type]))
  if (bad.length === 0) return undefined
  const types = bad.map((volume) => Object.keys(volume).find((key) => key !== 'name') ?? 'unknown')
  const uses = `${plural(bad.length, 'uses', 'use')} ${named('restricted volume type', distinct(types))}`
  const names = bad.map(({ name }) => name)
  return { reason: 'restricted volume types', detail: `${named('volume', names)} ${uses}` }
}

export function runAsNonRoot({ spec }: Subject): Verdict {
  const reason = 'runAsNonRoot != true'
  const pod = spec.securityContext?.runAsNonRoot
  const root = namesOf(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false)
  const who = setters(pod === false, root)
  if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` }
  const silent = namesOf(spec, ({ securityContext }) => (securityContext?.runAsNonRoot ?? pod) !== true)
  if (silent.length === 0) return undefined
  return { reason, detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true` }
}

export function runAsUser({ spec }: Subject): Verdict {
  const root = namesOf(spec, ({ securityContext }) => securityContext?.runAsUser === 0)
  const who = setters(spec.securityContext?.runAsUser === 0, root)
  return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined
}

export function seccompProfile(subject: Subject): Verdict {
  const wrong = seccompBaseline(subject)
  if (wrong) return wrong
  const { spec } = subject
  const pod = spec.securityContext?.seccompProfile?.type
  const silent = namesOf(spec, ({ securityContext }) => !isProfile(securityContext?.seccompProfile?.type ?? pod ?? ''))
  if (silent.length === 0) return undefined
  const types = `securityContext.seccompProfile.type to ${quoted(['RuntimeDefault', 'Localhost']).replace(', ', ' or ')}`
  return { reason: 'seccompProfile', detail: `pod or ${named('container', silent)} must set ${types}` }
}
