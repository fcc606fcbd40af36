/**
 * Facts about Kubernetes' types that its OpenAPI documents do not carry, seen in the answers of a real API server.
 * Keys are `group.version.Type.field`, or `*.field` for every type that has it.
 */

/** Fields written as null when they are empty: times and lists that Go encodes even when there is nothing. */
export const alwaysNull: ReadonlySet<string> = new Set([
  '*.lastTransitionTime',
  '*.lastUpdateTime',
  '*.lastHeartbeatTime',
  '*.lastProbeTime',
  '*.eventTime',
  '*.firstTimestamp',
  '*.lastTimestamp',
  '*.deprecatedFirstTimestamp',
  '*.deprecatedLastTimestamp',
  '*.startedAt',
  '*.finishedAt',
  '*.lastObservedTime',
  'discovery.v1.EndpointSlice.ports',
])

/** Go's names of string types, as they appear in `json: cannot unmarshal ... of type v1.Protocol`. */
export const goTypeNames: Readonly<Record<string, string>> = {
  '*.uid': 'types.UID',
  '*.protocol': 'v1.Protocol',
  '*.imagePullPolicy': 'v1.PullPolicy',
  '*.restartPolicy': 'v1.RestartPolicy',
  '*.dnsPolicy': 'v1.DNSPolicy',
  '*.terminationMessagePolicy': 'v1.TerminationMessagePolicy',
  '*.phase': 'v1.PodPhase',
  'core.v1.Namespace.phase': 'v1.NamespacePhase',
  'core.v1.ServiceSpec.type': 'v1.ServiceType',
  'core.v1.ServiceSpec.sessionAffinity': 'v1.ServiceAffinity',
  'core.v1.Secret.type': 'v1.SecretType',
  'core.v1.HTTPGetAction.scheme': 'v1.URIScheme',
  'core.v1.Toleration.operator': 'v1.TolerationOperator',
  'core.v1.Toleration.effect': 'v1.TaintEffect',
  'core.v1.Taint.effect': 'v1.TaintEffect',
  'apps.v1.DeploymentStrategy.type': 'v1.DeploymentStrategyType',
  'meta.v1.DeleteOptions.propagationPolicy': 'v1.DeletionPropagation',
}
