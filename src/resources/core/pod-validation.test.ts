import { describe, expect, it } from 'vitest'
import type { Draft } from '../../api/object.ts'
import type { Pod, PodStatus, PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { defaultPod, defaultTemplate } from './pod-defaults.ts'
import { podStatusErrors, podUpdateErrors } from './pod-update.ts'
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
    [`${c}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
  ],
  ['envFrom without a name', { envFrom: [{ secretRef: {} }] }, [`${c}.envFrom[0].secretRef.name: Required value`]],
  [
    'divisor',
    {
      env: [
        { name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '10m' } } },
        { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
    },
    [
      `${c}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
  ],
  [
    'mount without a name',
    { volumeMounts: [{ mountPath: '/a' }] },
    [`${c}.volumeMounts[0].name: Required value`, `${c}.volumeMounts[0].name: Not found: ""`],
  ],
  [
    'mount propagation',
    {
      volumeMounts: [
        { name: 'v', mountPath: '/a', mountPropagation: 'Sideways' },
        { name: 'v', mountPath: '/b', mountPropagation: 'Bidirectional' },
      ],
    },
    [
      `${c}.volumeMounts.mountPropagation: Unsupported value: "Sideways": supported values: "Bidirectional", "HostToContainer", "None"`,
      `${c}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
    ],
  ],
  [
    'resize policy',
    { resizePolicy: [{ resourceName: 'disk', restartPolicy: 'NotRequired' }] },
    [`${c}.resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"`],
  ],
  [
    'AppArmor profile',
    { securityContext: { appArmorProfile: { type: 'Unconfined', localhostProfile: 'x' } } },
    [
      `${c}.securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is Localhost`,
    ],
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
    [`${c}.volumeMounts.subPath: Invalid value: "../b": must not contain '..'`],
  ],
  [
    'privilege',
    { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
    [
      `${c}.securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
    ],
  ],
]

describe('containers', () => {
  it.each(containers)('%s', (_name, container, expected) => {
    expect(text(podCreateErrors(podOf({ volumes: [{ name: 'v' }] }, container)))).toEqual(expected)
  })
})

const specs: readonly [string, Json, readonly unknown[]][] = [
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
    'policies of the security context',
    { securityContext: { fsGroupChangePolicy: 'Never', supplementalGroupsPolicy: 'Some' } },
    [
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "Some": supported values: "Merge", "Strict"',
    ],
  ],
  [
    'preemption policy and readiness gate',
    { preemptionPolicy: 'Always', readinessGates: [{ conditionType: 'a b' }] },
    [
      'spec.preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"',
      expect.stringMatching(/^spec\.readinessGates\[0\]\.conditionType: Invalid value: "a b": name part must consist/),
    ],
  ],
  [
    'spread',
    {
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2, matchLabelKeys: ['a'] },
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', nodeTaintsPolicy: 'Maybe' },
      ],
    },
    [
      'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, ScheduleAnyway}"',
      'spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      'spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set',
      'spec.topologySpreadConstraints[1].nodeTaintsPolicy: Unsupported value: "Maybe": supported values: "Honor", "Ignore"',
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

it('leaves host ports of a template to its pods, and the blanks around an image', () => {
  const container = { image: ' img:1 ', ports: [{ containerPort: 80 }, { containerPort: 81, hostPort: 82 }] }
  const draft = {
    metadata: { labels: { a: 'b' } },
    spec: { hostNetwork: true, containers: [{ name: 'c', ...container }] },
  }
  defaultTemplate(draft as unknown as Draft<PodTemplateSpec>)
  expect(text(podTemplateErrors(draft as unknown as PodTemplateSpec, 'spec.template'))).toEqual([
    'spec.template.spec.containers[0].ports[1].hostPort: Invalid value: 82: must match `containerPort` when `hostNetwork` is true',
  ])
  expect(text(podCreateErrors(podOf({ hostNetwork: true }, { ports: [{ containerPort: 80 }] })))).toEqual([])
})

it('reads what annotations mean', () => {
  const pod = podOf()
  const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '+1', 'kubernetes.io/config.mirror': 'x' }
  expect(text(podCreateErrors({ ...pod, metadata: { ...pod.metadata, annotations } }))).toEqual([
    'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
    'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
  ])
})

describe('status', () => {
  const errors = (before: PodStatus, after: PodStatus, spec: Json = { restartPolicy: 'OnFailure' }) => {
    const pod = podOf(spec)
    return text(podStatusErrors({ ...pod, status: after }, { ...pod, status: before }))
  }
  const ended = (exitCode: number) => [{ name: 'c', state: { terminated: { exitCode } } }] as never
  const running = [{ name: 'c', state: { running: {} } }] as never

  it('keeps ended what has ended for good', () => {
    const final = 'may not be transitioned to non-terminated state'
    expect(errors({ containerStatuses: ended(0) }, { containerStatuses: running })).toEqual([
      `status.containerStatuses[0].state: Forbidden: ${final}`,
    ])
    expect(errors({ containerStatuses: ended(1) }, { containerStatuses: running })).toEqual([])
    const always = { restartPolicy: 'Always' }
    expect(errors({ containerStatuses: ended(0) }, { containerStatuses: running }, always)).toEqual([])
    expect(errors({ ephemeralContainerStatuses: ended(1) }, { ephemeralContainerStatuses: running }, always)).toEqual([
      `status.ephemeralContainerStatuses[0].state: Forbidden: ${final}`,
    ])
  })
  it('keeps the quality of service, and looks at addresses and conditions', () => {
    const after = {
      qosClass: 'Burstable',
      podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }],
      hostIPs: [{ ip: '1.1.1.1' }],
    }
    expect(errors({ qosClass: 'BestEffort' }, { ...after, conditions: [{ type: 'a b', status: 'True' }] })).toEqual([
      expect.stringMatching(/^metadata\.conditions\[0\]\.Type: Invalid value: "a b": name part must consist/),
      'status.qosClass: Invalid value: "Burstable": field is immutable',
      'status.hostIPs[0].ip: Invalid value: "1.1.1.1": must be equal to `hostIP`',
      'status.podIPs[1]: Duplicate value: {"IP":"10.0.0.1"}',
      'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.1"}]: may specify no more than one IP for each IP family',
    ])
  })
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
  it('says of a bad value both that it is bad and that it may not change', () => {
    const errors = changed((spec) => {
      spec.restartPolicy = 'Sometimes'
    })
    expect(errors).toEqual([
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      expect.stringContaining('spec: Forbidden: pod updates may not change fields other than'),
    ])
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
