/** The ClusterRoles that people and components of Kubernetes 1.36 find in every cluster, but for those of controllers. */
import type { Rule } from '../authorizer.ts'
import { NODE_RULES } from './node-rules.ts'
import { EVENTS, paths, READ, rule, WRITE } from './rule.ts'

const AUTHENTICATION = 'authentication.k8s.io'
const AUTHORIZATION = 'authorization.k8s.io'
const CERTIFICATES = 'certificates.k8s.io'
const LEASES = 'coordination.k8s.io'
const NETWORKING = 'networking.k8s.io'
const RESOURCE = 'resource.k8s.io'
const STORAGE = 'storage.k8s.io'

const HEALTH = '/healthz /livez /readyz'

const approve = (signer: string): readonly Rule[] => [
  rule('approve', CERTIFICATES, 'signers', `kubernetes.io/${signer}`),
]

/** Of a component that elects its leader. */
const election = (name: string): readonly Rule[] => [
  rule('create', LEASES, 'leases'),
  rule('get update', LEASES, 'leases', name),
]

const REVIEWS: readonly Rule[] = [
  rule('create', AUTHENTICATION, 'tokenreviews'),
  rule('create', AUTHORIZATION, 'subjectaccessreviews'),
]

const TO_VIEW: readonly Rule[] = [
  rule(
    READ,
    'core',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
  ),
  rule(
    READ,
    'core',
    'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
  ),
  rule(READ, 'core', 'namespaces'),
  rule(READ, 'discovery.k8s.io', 'endpointslices'),
  rule(
    READ,
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
  ),
  rule(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  rule(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  rule(
    READ,
    'extensions',
    'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale',
  ),
  rule(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  rule(READ, NETWORKING, 'ingresses ingresses/status networkpolicies'),
  rule(READ, RESOURCE, 'resourceclaims resourceclaims/status resourceclaimtemplates'),
]

const TO_EDIT: readonly Rule[] = [
  rule(READ, 'core', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  rule('impersonate', 'core', 'serviceaccounts'),
  rule(WRITE, 'core', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  rule('create', 'core', 'pods/eviction'),
  rule(
    WRITE,
    'core',
    'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
  ),
  rule('create', 'core', 'serviceaccounts/token'),
  rule(
    WRITE,
    'apps',
    'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
  ),
  rule(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  rule(WRITE, 'batch', 'cronjobs jobs'),
  rule(
    WRITE,
    'extensions',
    'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
  ),
  rule(WRITE, 'policy', 'poddisruptionbudgets'),
  rule(WRITE, NETWORKING, 'ingresses networkpolicies'),
  rule(`${READ} ${WRITE}`, LEASES, 'leases'),
  rule(WRITE, RESOURCE, 'resourceclaims resourceclaimtemplates'),
]

const TO_ADMIN: readonly Rule[] = [
  rule('create', AUTHORIZATION, 'localsubjectaccessreviews'),
  rule(`${READ} ${WRITE}`, 'rbac.authorization.k8s.io', 'rolebindings roles'),
]

const SCHEDULER: readonly Rule[] = [
  EVENTS,
  ...election('kube-scheduler'),
  rule(READ, 'core', 'nodes'),
  rule(`delete ${READ}`, 'core', 'pods'),
  rule('create', 'core', 'bindings pods/binding'),
  rule('patch update', 'core', 'pods/status'),
  rule(READ, 'core', 'replicationcontrollers services'),
  rule(READ, 'apps extensions', 'replicasets'),
  rule(READ, 'apps', 'statefulsets'),
  rule(READ, 'policy', 'poddisruptionbudgets'),
  rule(READ, 'core', 'persistentvolumeclaims persistentvolumes'),
  ...REVIEWS,
  rule(READ, STORAGE, 'csinodes'),
  rule(READ, 'core', 'namespaces'),
  rule(READ, STORAGE, 'csidrivers'),
  rule(READ, STORAGE, 'csistoragecapacities'),
  rule(READ, STORAGE, 'volumeattachments'),
  rule(READ, RESOURCE, 'deviceclasses'),
  rule(`${READ} patch update`, RESOURCE, 'resourceclaims'),
  rule(`${READ} patch update`, RESOURCE, 'resourceclaims/status'),
  rule('patch update', RESOURCE, 'resourceclaims/binding'),
  rule(`${READ} patch update`, 'core', 'pods/finalizers'),
  rule(READ, RESOURCE, 'resourceslices'),
]

const CONTROLLER_MANAGER: readonly Rule[] = [
  EVENTS,
  ...election('kube-controller-manager'),
  rule('create', 'core', 'secrets serviceaccounts'),
  rule('delete', 'core', 'secrets'),
  rule('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
  rule('update', 'core', 'secrets serviceaccounts'),
  ...REVIEWS,
  rule('list watch', '*', '*'),
  rule('create', 'core', 'serviceaccounts/token'),
]

export const CLUSTER_ROLES: Readonly<Record<string, readonly Rule[]>> = {
  'cluster-admin': [rule('*', '*', '*'), paths('*', '*')],
  'system:aggregate-to-admin': TO_ADMIN,
  'system:aggregate-to-edit': TO_EDIT,
  'system:aggregate-to-view': TO_VIEW,
  'system:auth-delegator': REVIEWS,
  'system:basic-user': [
    rule('create', AUTHORIZATION, 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    rule('create', AUTHENTICATION, 'selfsubjectreviews'),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    rule('create', CERTIFICATES, 'certificatesigningrequests/nodeclient'),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    rule('create', CERTIFICATES, 'certificatesigningrequests/selfnodeclient'),
  ],
  'system:certificates.k8s.io:kube-apiserver-client-approver': approve('kube-apiserver-client'),
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': approve('kube-apiserver-client-kubelet'),
  'system:certificates.k8s.io:kubelet-serving-approver': approve('kubelet-serving'),
  'system:certificates.k8s.io:legacy-unknown-approver': approve('legacy-unknown'),
  'system:discovery': [paths('get', `${HEALTH} /version /version/ /api /api/* /apis /apis/* /openapi /openapi/*`)],
  'system:heapster': [rule(READ, 'core', 'events namespaces nodes pods'), rule(READ, 'extensions', 'deployments')],
  'system:kube-aggregator': [rule(READ, 'core', 'endpoints services')],
  'system:kube-controller-manager': CONTROLLER_MANAGER,
  'system:kube-dns': [rule('list watch', 'core', 'endpoints services')],
  'system:kube-scheduler': SCHEDULER,
  'system:kubelet-api-admin': [
    rule(READ, 'core', 'nodes'),
    rule('proxy', 'core', 'nodes'),
    rule('*', 'core', 'nodes/log nodes/metrics nodes/proxy nodes/stats'),
  ],
  'system:monitoring': [paths('get', `${HEALTH} /healthz/* /livez/* /readyz/* /metrics /metrics/slis`)],
  'system:node': NODE_RULES,
  'system:node-bootstrapper': [rule(`create ${READ}`, CERTIFICATES, 'certificatesigningrequests')],
  'system:node-problem-detector': [rule('get', 'core', 'nodes'), rule('patch', 'core', 'nodes/status'), EVENTS],
  'system:node-proxier': [
    rule('list watch', 'core', 'endpoints services'),
    rule(READ, 'core', 'nodes'),
    EVENTS,
    rule('list watch', NETWORKING, 'servicecidrs'),
    rule('list watch', 'discovery.k8s.io', 'endpointslices'),
  ],
  'system:persistent-volume-provisioner': [
    rule(`create delete ${READ}`, 'core', 'persistentvolumes'),
    rule(`${READ} update`, 'core', 'persistentvolumeclaims'),
    rule(READ, STORAGE, 'storageclasses'),
    rule('watch', 'core', 'events'),
    EVENTS,
  ],
  'system:public-info-viewer': [paths('get', `${HEALTH} /version /version/`)],
  'system:service-account-issuer-discovery': [
    paths(
      'get',
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ],
  'system:volume-scheduler': [
    rule(`${READ} patch update`, 'core', 'persistentvolumes'),
    rule(READ, STORAGE, 'storageclasses'),
    rule(`${READ} patch update`, 'core', 'persistentvolumeclaims'),
  ],
}

/** Roles that are put together of others, which come before them: of which, and into which they go themselves. */
export const AGGREGATED: Readonly<Record<string, { readonly of: readonly string[]; readonly into?: string }>> = {
  view: { of: ['system:aggregate-to-view'], into: 'edit' },
  edit: { of: ['system:aggregate-to-edit', 'view'], into: 'admin' },
  admin: { of: ['edit', 'system:aggregate-to-admin'] },
}

/** Who is given which: `Kind name`, or `ServiceAccount namespace name`. */
export const CLUSTER_ROLE_BINDINGS: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['Group system:masters'],
  'system:basic-user': ['Group system:authenticated'],
  'system:discovery': ['Group system:authenticated'],
  'system:kube-controller-manager': ['User system:kube-controller-manager'],
  'system:kube-dns': ['ServiceAccount kube-system kube-dns'],
  'system:kube-scheduler': ['User system:kube-scheduler'],
  'system:monitoring': ['Group system:monitoring'],
  // Nodes have their own authorizer; this is for those who want the role for something else.
  'system:node': [],
  'system:node-proxier': ['User system:kube-proxy'],
  'system:public-info-viewer': ['Group system:authenticated', 'Group system:unauthenticated'],
  'system:service-account-issuer-discovery': ['Group system:serviceaccounts'],
  'system:volume-scheduler': ['User system:kube-scheduler'],
}
