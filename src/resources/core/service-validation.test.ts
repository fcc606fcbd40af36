import { describe, expect, it } from 'vitest'
import type { Service, ServiceSpec } from '../../api/types/core-v1.gen.ts'
import { serviceErrors, serviceStatusErrors, serviceUpdateErrors } from './service-validation.ts'

const spec: ServiceSpec = {
  type: 'ClusterIP',
  sessionAffinity: 'None',
  internalTrafficPolicy: 'Cluster',
  ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
}
const service = (more: ServiceSpec): Service => ({ metadata: { name: 's' }, spec: { ...spec, ...more } }) as Service
const text = (errors: readonly { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`)
const balanced: ServiceSpec = { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' }

const cases: readonly [string, ServiceSpec, readonly string[]][] = [
  ['nothing wrong', {}, []],
  [
    'what only load balancers have',
    { allocateLoadBalancerNodePorts: true, loadBalancerClass: 'example.com/a' },
    [
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  ],
  ['a load balancer', { ...balanced, allocateLoadBalancerNodePorts: true, loadBalancerClass: 'example.com/a' }, []],
  [
    'traffic distribution',
    { trafficDistribution: 'Near' },
    [
      'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  [
    'addresses that do not agree',
    { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.6'] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.6"]: first value must match `clusterIP`'],
  ],
  [
    'clusterIPs alone',
    { clusterIPs: ['10.96.0.6'] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.6"]: must be empty when `clusterIP` is not specified'],
  ],
  [
    'families',
    { ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'Any' },
    [
      'spec.ipFamilies[1]: Duplicate value: "IPv4"',
      'spec.ipFamilyPolicy: Unsupported value: "Any": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
  ],
  [
    'an external name with addresses',
    { type: 'ExternalName', externalName: 'a.example', clusterIP: '10.96.0.5', ipFamilies: ['IPv4'] },
    [
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
    ],
  ],
  [
    'one node port twice',
    {
      type: 'NodePort',
      externalTrafficPolicy: 'Cluster',
      ports: [
        { name: 'a', port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30_000 },
        { name: 'b', port: 81, protocol: 'TCP', targetPort: 80, nodePort: 30_000 },
      ],
    },
    ['spec.ports[1].nodePort: Duplicate value: 30000'],
  ],
]

it.each(cases)('%s', (_name, more, expected) => {
  expect(text(serviceErrors(service(more)))).toEqual(expected)
})

describe('what stays', () => {
  it.each([
    [
      { ...balanced, loadBalancerClass: 'a' },
      { ...balanced, loadBalancerClass: 'b' },
      'spec.loadBalancerClass: Invalid value: "b": may not change once set',
    ],
    [
      { ...balanced, externalTrafficPolicy: 'Local', healthCheckNodePort: 30_001 },
      { ...balanced, externalTrafficPolicy: 'Local', healthCheckNodePort: 30_002 },
      'spec.healthCheckNodePort: Forbidden: field is immutable',
    ],
  ] as const)('%j -> %j', (before, after, expected) => {
    expect(text(serviceUpdateErrors(service(after), service(before)))).toEqual([expected])
  })
})

it('looks at the addresses of a load balancer, and at whether it is one', () => {
  const status = { loadBalancer: { ingress: [{ ip: '1.2.3' }, { hostname: '1.2.3.4', ipMode: 'VIP' }] } }
  expect(text(serviceStatusErrors({ ...service({}), status }))).toEqual([
    "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
  ])
  expect(text(serviceStatusErrors({ ...service(balanced), status }))).toEqual([
    'status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ])
})
