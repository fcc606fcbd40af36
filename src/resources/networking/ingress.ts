/** Ingress networking.k8s.io/v1: stored and shown; nothing is routed by it. */
import { type FieldError, invalid, notSupported, required } from '../../api/field-error.ts'
import { subdomainErrors } from '../../api/names.ts'
import type { HTTPIngressPath, Ingress } from '../../api/types/networking-v1.gen.ts'
import type { ResourceDeclaration } from '../declaration.ts'
import { declare } from '../declare.ts'
import { shortList, since } from '../format.ts'

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']

export const ingress: ResourceDeclaration<Ingress> = declare<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  definition: 'io.k8s.api.networking.v1.Ingress',
  generation: 'spec',
  status: 'owned',
  emptyStatus: () => ({ loadBalancer: {} }),
  default(draft) {
    draft.spec ??= {}
  },
  validate: (object) => ingressErrors(object),
  row: (i, now) => [
    i.metadata.name ?? '',
    i.spec?.ingressClassName ?? '<none>',
    hosts(i),
    (i.status?.loadBalancer?.ingress ?? []).map((point) => point.ip || point.hostname || '').join(','),
    i.spec?.tls?.length ? '80, 443' : '80',
    since(i.metadata.creationTimestamp, now),
  ],
})

function hosts({ spec }: Ingress): string {
  const names = (spec?.rules ?? []).map((rule) => rule.host ?? '').filter((host) => host !== '')
  return names.length === 0 ? '*' : shortList(names, 3)
}

function ingressErrors({ spec = {} }: Ingress): FieldError[] {
  const errors: FieldError[] = []
  const rules = spec.rules ?? []
  if (rules.length === 0 && !spec.defaultBackend) {
    errors.push(invalid('spec', {}, 'either `defaultBackend` or `rules` must be specified'))
  }
  for (const [i, { host, http }] of rules.entries()) {
    const field = `spec.rules[${i}]`
    if (host) {
      const name = host.startsWith('*.') ? host.slice(2) : host
      for (const message of subdomainErrors(name)) errors.push(invalid(`${field}.host`, host, message))
    }
    for (const [j, path] of (http?.paths ?? []).entries()) pathErrors(path, `${field}.http.paths[${j}]`, errors)
  }
  return errors
}

function pathErrors({ path, pathType }: HTTPIngressPath, field: string, errors: FieldError[]): void {
  if (!pathType) errors.push(required(`${field}.pathType`, 'pathType must be specified'))
  else if (!PATH_TYPES.includes(pathType)) errors.push(notSupported(`${field}.pathType`, pathType, PATH_TYPES))
  else if (pathType !== 'ImplementationSpecific' && !path?.startsWith('/')) {
    errors.push(invalid(`${field}.path`, path ?? '', 'must be an absolute path'))
  }
}
