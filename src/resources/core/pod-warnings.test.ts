import { expect, it } from 'vitest'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { podWarnings } from './pod-warnings.ts'

type Json = Record<string, unknown>

function warnings(spec: Json, annotations: Json = {}, path = ''): string[] {
  const out: string[] = []
  podWarnings({ metadata: { annotations }, spec } as unknown as PodTemplateSpec, path, (text) => out.push(text))
  return out
}

const container = (more: Json) => ({ containers: [{ name: 'c', ...more }] })
const c = 'spec.containers[0]'

const cases: readonly [string, Json, readonly string[]][] = [
  [
    'nothing to say',
    container({ env: [{ name: 'A', value: 'x' }], ports: [{ containerPort: 80, protocol: 'TCP' }] }),
    [],
  ],
  [
    'a variable that is lost, and those that build on it',
    container({
      env: [
        { name: 'A', value: 'x' },
        { name: 'A', value: '$(A)y' },
        { name: 'A', value: '$(A)' },
        { name: 'A', valueFrom: {} },
      ],
    }),
    [2, 3].map((i) => `${c}.env[${i}]: hides previous definition of "A", which may be dropped when using apply`),
  ],
  [
    'ports of all containers together',
    {
      initContainers: [{ name: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }] }],
      ...container({
        ports: [
          { containerPort: 80, protocol: 'TCP' },
          { containerPort: 80, protocol: 'UDP' },
          { containerPort: 81, hostPort: 81, protocol: 'TCP' },
          { containerPort: 81, hostPort: 81, hostIP: '10.0.0.1', protocol: 'TCP' },
          { containerPort: 81, protocol: 'TCP' },
        ],
      }),
    },
    [
      `${c}.ports[0]: duplicate port definition with spec.initContainers[0].ports[0]`,
      `${c}.ports[3]: dangerously ambiguous port definition with ${c}.ports[2]`,
      `${c}.ports[4]: overlapping port definition with ${c}.ports[2]`,
      `${c}.ports[4]: overlapping port definition with ${c}.ports[3]`,
    ],
  ],
  [
    'a tenth of a byte',
    container({ resources: { limits: { memory: '100m', cpu: '100m' }, requests: { memory: '1Ki' } } }),
    [`${c}.resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer`],
  ],
  [
    'lists that are merged by a key',
    {
      hostAliases: [{ ip: '1.1.1.1' }, { ip: '1.1.1.1' }],
      imagePullSecrets: [{ name: 's' }, { name: 's' }, {}],
    },
    [
      'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"',
      'spec.imagePullSecrets[1].name: duplicate name "s"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
  ],
  [
    'selectors that select nothing, old names',
    {
      nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a' }] } },
      topologySpreadConstraints: [{ topologyKey: 'failure-domain.beta.kubernetes.io/zone', labelSelector: {} }, {}],
      volumes: [{ name: 'v', gitRepo: { repository: 'x' } }],
    },
    [
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      'spec.topologySpreadConstraints[1].labelSelector: a null labelSelector results in matching no pod',
      'spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+',
      'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod',
    ],
  ],
]

it.each(cases)('%s', (_name, spec, expected) => {
  expect(warnings(spec)).toEqual(expected)
})

it('names the template, its annotations and its grace', () => {
  const annotations = { 'container.seccomp.security.alpha.kubernetes.io/c': 'unconfined' }
  expect(warnings({ ...container({}), terminationGracePeriodSeconds: -1 }, annotations, 'spec.template')).toEqual([
    'spec.template.metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
    'spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
  ])
})
