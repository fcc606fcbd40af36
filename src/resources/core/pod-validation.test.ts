import { describe, expect, it } from 'vitest'
import type { Draft } from '../../api/object.ts'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { defaultPod } from './pod-defaults.ts'
import { podUpdateErrors } from './pod-update.ts'
import { podCreateErrors, podTemplateErrors } from './pod-validation.ts'

type Json = Record<string, unknown>

/** A pod with defaults; `spec` and `container` are laid over a minimal one. */
function podOf(spec: Json = {}, container: Json = {}): Pod {
  const draft = {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'img:1', ...container }], ...spec },
  } as unknown as Draft<Pod>
  defaultPod(draft)
  return draft as Pod
}

const text = (errors: readonly { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`)

const c = 'spec.containers[0]'

/** Rules that no recording of a whole pod shows; those that do are in golden.test.ts. */
const containers: readonly [string, Json, readonly string[]][] = [
  [
    'env from nothing',
    { env: [{ name: 'A', valueFrom: {} }] },
    [
      `${c}.env[0].valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\`, \`secretKeyRef\` or \`fileKeyRef\``,
    ],
  ],
  [
    'env from two',
    {
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' }, configMapKeyRef: { name: 'm', key: 'k' } } },
      ],
    },
    [`${c}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time`],
  ],
  [
    'env of a field that variables cannot have',
    { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } }] },
    [
      `${c}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
    ],
  ],
  ['one label by name', { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }] }, []],
  [
    'env without a key',
    { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's' } } }] },
    [`${c}.env[0].valueFrom.secretKeyRef.key: Required value`],
  ],
  [
    'envFrom of nothing',
    { envFrom: [{}] },
    [`${c}.envFrom[0]: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
  ],
  [
    'host port twice',
    {
      ports: [
        { containerPort: 1, hostPort: 9 },
        { containerPort: 2, hostPort: 9 },
      ],
    },
    [`${c}.ports[1].hostPort: Duplicate value: "TCP//9"`],
  ],
  [
    'http header',
    { livenessProbe: { httpGet: { port: 80, httpHeaders: [{ name: 'a b', value: '' }] } } },
    [
      `${c}.livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
    ],
  ],
  [
    'scheme',
    { readinessProbe: { httpGet: { port: 80, scheme: 'FTP' } } },
    [`${c}.readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`],
  ],
  ['hook that sleeps just as long as the grace', { lifecycle: { preStop: { sleep: { seconds: 30 } } } }, []],
  [
    'extended resource without a limit',
    { resources: { requests: { 'example.com/gpu': '1' } } },
    [`${c}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
  ],
  [
    'extended resource asked for less than its limit',
    { resources: { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '2' } } },
    [`${c}.resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2`],
  ],
  [
    'request equal to its limit in another unit',
    { resources: { requests: { cpu: '1' }, limits: { cpu: '1000m' } } },
    [],
  ],
  [
    'mount path outside',
    { volumeMounts: [{ name: 'v', mountPath: '/a', subPath: '../b' }] },
    [`${c}.volumeMounts[0].subPath: Invalid value: "../b": must not contain '..'`],
  ],
  [
    'privilege',
    { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
    [
      `${c}.securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
    ],
  ],
]

describe('containers', () => {
  it.each(containers)('%s', (_name, container, expected) => {
    expect(text(podCreateErrors(podOf({ volumes: [{ name: 'v' }] }, container)))).toEqual(expected)
  })
})

const specs: readonly [string, Json, readonly string[]][] = [
  [
    'dnsPolicy None without servers',
    { dnsPolicy: 'None' },
    ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  ],
  [
    'too many name servers',
    { dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
    [
      'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: must not have more than 3 nameservers',
    ],
  ],
  [
    'host alias',
    { hostAliases: [{ ip: '300.1.1.1', hostnames: ['ok'] }] },
    [
      'spec.hostAliases[0].ip: Invalid value: "300.1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  [
    'gate and node',
    { nodeName: 'n', schedulingGates: [{ name: 'g' }] },
    ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ],
  [
    'toleration seconds without NoExecute',
    { tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 3 }] },
    ['spec.tolerations[0].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set'],
  ],
  [
    'toleration effect',
    { tolerations: [{ key: 'a', operator: 'Exists', effect: 'Never' }] },
    [
      'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    'node affinity without terms',
    { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } } },
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
    ],
  ],
  [
    'init container with a probe',
    { initContainers: [{ name: 'i', image: 'x', readinessProbe: { tcpSocket: { port: 1 } } }] },
    [
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  ],
  [
    'sidecar with a probe and a hook',
    {
      initContainers: [
        {
          name: 'i',
          image: 'x',
          restartPolicy: 'Always',
          readinessProbe: { tcpSocket: { port: 1 } },
          lifecycle: { preStop: { exec: { command: ['x'] } } },
        },
      ],
    },
    [],
  ],
  [
    'volume file mode',
    { volumes: [{ name: 'v', configMap: { name: 'm', defaultMode: 512 } }] },
    [
      'spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
    ],
  ],
  [
    'projected token',
    {
      volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } }],
    },
    [
      'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    ],
  ],
  [
    'claim without a name',
    { volumes: [{ name: 'v', persistentVolumeClaim: {} }] },
    ['spec.volumes[0].persistentVolumeClaim.claimName: Required value'],
  ],
  [
    'seccomp',
    { securityContext: { seccompProfile: { type: 'Localhost' } } },
    [
      'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
  ],
]

describe('spec', () => {
  it.each(specs)('%s', (_name, spec, expected) => {
    expect(text(podCreateErrors(podOf(spec)))).toEqual(expected)
  })
})

it('checks templates at their own path, labels included', () => {
  const { spec } = podOf({ restartPolicy: 'Maybe' })
  const template = { metadata: { labels: { 'bad key': 'x' } }, spec }
  expect(text(podTemplateErrors(template, 'spec.template'))).toEqual([
    expect.stringMatching(/^spec\.template\.labels: Invalid value: "bad key": name part must consist of/),
    'spec.template.spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
  ])
})

describe('updates', () => {
  const old = podOf({ tolerations: [{ key: 'a', operator: 'Exists' }], activeDeadlineSeconds: 60 })
  const changed = (change: (spec: Draft<Pod>['spec']) => void): readonly string[] => {
    const pod = structuredClone(old) as Draft<Pod>
    change(pod.spec)
    return text(podUpdateErrors(pod as Pod, old))
  }
  it('lets images, shorter deadlines and more tolerations through', () => {
    expect(
      changed((spec) => {
        if (spec.containers[0]) spec.containers[0].image = 'img:2'
        spec.activeDeadlineSeconds = 30
        spec.tolerations?.push({ key: 'b', operator: 'Exists' })
      }),
    ).toEqual([])
  })
  it('refuses to take containers away', () => {
    expect(changed((spec) => spec.containers.push({ ...spec.containers[0]!, name: 'd' }))).toEqual([
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ])
  })
  it('shows what is different where nothing may change', () => {
    const [message] = changed((spec) => {
      spec.hostname = 'h'
    })
    expect(message).toContain('pod updates may not change fields other than')
    expect(message).toContain('\n- "Hostname": "",\n+ "Hostname": "h",\n')
  })
})
