import { describe, expect, it } from 'vitest'
import type { PodTemplateSpec } from '../../api/types/core-v1.gen.ts'
import { type Level, policyOf } from './policy.ts'
import { evaluate } from './standards.ts'
import { subjectOf } from './subject.ts'

const LATEST = Number.POSITIVE_INFINITY

type Loose = Record<string, unknown>

/** A pod that keeps the restricted standard of every version, with something changed. */
function pod(spec: Loose = {}, container: Loose = {}, annotations: Record<string, string> = {}): PodTemplateSpec {
  const own = {
    name: 'a',
    ...container,
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      ...(container.securityContext as Loose | undefined),
    },
  }
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
  return {
    metadata: { annotations },
    spec: {
      ...spec,
      securityContext: { ...securityContext, ...(spec.securityContext as Loose | undefined) },
      containers: [own],
    },
  } as unknown as PodTemplateSpec
}

const told = (level: Level, subject: PodTemplateSpec, minor = LATEST) =>
  evaluate({ level, minor }, subjectOf(subject)).map(({ reason, detail }) => `${reason} (${detail})`)

const security = (securityContext: Loose) => ({ securityContext })
const get = (host: string) => ({ httpGet: { host, port: 80 } })

/** What breaks the baseline, and so both standards. */
const BASELINE: [string, PodTemplateSpec][] = [
  [
    'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    pod(security({ appArmorProfile: { type: 'Unconfined' } })),
  ],
  [
    'forbidden AppArmor profiles (container "a" and annotation must not set AppArmor profile type to "Unconfined", ' +
      '"container.apparmor.security.beta.kubernetes.io/a="unconfined"")',
    pod({}, security({ appArmorProfile: { type: 'Unconfined' } }), {
      'container.apparmor.security.beta.kubernetes.io/a': 'unconfined',
      'container.apparmor.security.beta.kubernetes.io/b': 'localhost/x',
    }),
  ],
  [
    'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    pod({ hostNetwork: true, hostPID: true, hostIPC: true }),
  ],
  [
    'hostPort (container "a" uses hostPorts 443, 80)',
    pod({}, { ports: [{ hostPort: 80 }, { hostPort: 443 }, { hostPort: 0 }, { containerPort: 1 }] }),
  ],
  [
    'probe or lifecycle host (container "a" uses probe or lifecycle hosts "127.0.0.1", "example.com")',
    pod(
      {},
      {
        livenessProbe: get('example.com'),
        startupProbe: get(''),
        lifecycle: { preStop: { tcpSocket: { host: '127.0.0.1' } } },
      },
    ),
  ],
  ['privileged (container "a" must not set securityContext.privileged=true)', pod({}, security({ privileged: true }))],
  [
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    pod({}, security({ procMount: 'Unmasked' })),
  ],
  [
    'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be ' +
      'set; role may not be set)',
    pod(
      security({ seLinuxOptions: { type: 'foo', user: 'u' } }),
      security({ seLinuxOptions: { type: 'bar', role: 'r' } }),
    ),
  ],
  [
    'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    pod(security({ seccompProfile: { type: 'Unconfined' } }), security({ seccompProfile: { type: 'Unconfined' } })),
  ],
  [
    'forbidden sysctls (net.core.somaxconn, kernel.msgmax)',
    pod(
      security({ sysctls: [{ name: 'net.core.somaxconn' }, { name: 'net.ipv4.tcp_rmem' }, { name: 'kernel.msgmax' }] }),
    ),
  ],
  [
    'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    pod(security({ windowsOptions: { hostProcess: true } }), security({ windowsOptions: { hostProcess: true } })),
  ],
]

/** What breaks the baseline in one way and the restricted standard in another that takes its place. */
const REPLACED: [string, string, PodTemplateSpec][] = [
  [
    'non-default capabilities (container "a" must not include "CHECKPOINT_RESTORE", "NET_ADMIN" in securityContext.capabilities.add)',
    'unrestricted capabilities (container "a" must not include "CHECKPOINT_RESTORE", "CHOWN", "NET_ADMIN" in securityContext.capabilities.add)',
    pod(
      {},
      security({
        capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'CHOWN', 'CHECKPOINT_RESTORE', 'NET_BIND_SERVICE'] },
      }),
    ),
  ],
  [
    'hostPath volumes (volumes "v", "w")',
    'restricted volume types (volumes "v", "w" use restricted volume type "hostPath")',
    pod({
      volumes: [
        { name: 'v', hostPath: { path: '/' } },
        { name: 'ok', emptyDir: {} },
        { name: 'w', hostPath: { path: '/' } },
      ],
    }),
  ],
]

const RESTRICTED: [string, PodTemplateSpec][] = [
  [
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
    pod({}, security({ allowPrivilegeEscalation: true })),
  ],
  [
    'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include ' +
      '"CHOWN" in securityContext.capabilities.add)',
    pod({}, security({ capabilities: { drop: ['KILL'], add: ['CHOWN'] } })),
  ],
  [
    'restricted volume types (volumes "n", "f" use restricted volume types "flexVolume", "nfs")',
    pod({
      volumes: [
        { name: 'n', nfs: { server: 's', path: '/' } },
        { name: 'f', flexVolume: { driver: 'd' } },
      ],
    }),
  ],
  [
    'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)',
    pod(security({ runAsNonRoot: false })),
  ],
  [
    'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
    pod(security({ runAsNonRoot: undefined })),
  ],
  [
    'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
    pod(security({ runAsUser: 0 }), security({ runAsUser: 0 })),
  ],
  [
    'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    pod(security({ seccompProfile: undefined })),
  ],
]

describe('Pod Security Standards', () => {
  it('a pod that keeps the restricted standard keeps all of every version', () => {
    for (let minor = 0; minor <= 40; minor++) expect(told('restricted', pod(), minor)).toEqual([])
  })

  it.each(BASELINE)('baseline: %s', (text, subject) => {
    expect(told('baseline', subject)).toEqual([text])
    expect(told('restricted', subject)).toEqual([text])
    expect(told('privileged', subject)).toEqual([])
  })

  it.each(REPLACED)('baseline: %s', (baseline, restricted, subject) => {
    expect(told('baseline', subject)).toEqual([baseline])
    expect(told('restricted', subject)).toEqual([restricted])
  })

  it.each(RESTRICTED)('restricted: %s', (text, subject) => {
    expect(told('baseline', subject)).toEqual([])
    expect(told('restricted', subject)).toEqual([text])
  })

  it('tells of all that is broken, of containers of every kind, baseline first', () => {
    const bare = {
      spec: {
        hostPID: true,
        initContainers: [{ name: 'i' }],
        containers: [{ name: 'c' }],
        ephemeralContainers: [{ name: 'e' }],
      },
    }
    expect(told('restricted', bare as unknown as PodTemplateSpec)).toEqual([
      'host namespaces (hostPID=true)',
      'allowPrivilegeEscalation != false (containers "i", "c", "e" must set securityContext.allowPrivilegeEscalation=false)',
      'unrestricted capabilities (containers "i", "c", "e" must set securityContext.capabilities.drop=["ALL"])',
      'runAsNonRoot != true (pod or containers "i", "c", "e" must set securityContext.runAsNonRoot=true)',
      'seccompProfile (pod or containers "i", "c", "e" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ])
  })

  /** Subject, standard, the first minor version that forbids it (or the last that does, negative). */
  const CHANGES: [string, Level, PodTemplateSpec, (minor: number) => boolean][] = [
    ['escalation', 'restricted', pod({}, security({ allowPrivilegeEscalation: true })), (minor) => minor >= 8],
    [
      'escalation on Windows',
      'restricted',
      pod({ os: { name: 'windows' } }, security({ allowPrivilegeEscalation: true })),
      (minor) => minor >= 8 && minor < 25,
    ],
    [
      'a seccomp annotation',
      'baseline',
      pod({}, {}, { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }),
      (minor) => minor < 19,
    ],
    ['no seccomp profile', 'restricted', pod(security({ seccompProfile: undefined })), (minor) => minor >= 19],
    ['capabilities kept', 'restricted', pod({}, security({ capabilities: {} })), (minor) => minor >= 22],
    ['user 0', 'restricted', pod(security({ runAsUser: 0 })), (minor) => minor >= 23],
    [
      'user 0 of a user namespace',
      'restricted',
      pod({ hostUsers: false, ...security({ runAsUser: 0 }) }),
      (minor) => minor >= 23 && minor < 35,
    ],
    [
      'reserved ports',
      'baseline',
      pod(security({ sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports' }] })),
      (minor) => minor < 27,
    ],
    [
      'keepalive',
      'baseline',
      pod(security({ sysctls: [{ name: 'net.ipv4.tcp_keepalive_time' }] })),
      (minor) => minor < 29,
    ],
    ['receive buffers', 'baseline', pod(security({ sysctls: [{ name: 'net.ipv4.tcp_rmem' }] })), (minor) => minor < 32],
    [
      'container_engine_t',
      'baseline',
      pod(security({ seLinuxOptions: { type: 'container_engine_t' } })),
      (minor) => minor < 31,
    ],
    ['a host of a probe', 'baseline', pod({}, { readinessProbe: get('x') }), (minor) => minor >= 34],
    [
      '/proc unmasked in a user namespace',
      'baseline',
      pod({ hostUsers: false }, security({ procMount: 'Unmasked' })),
      (minor) => minor < 35,
    ],
    [
      '/proc unmasked in a user namespace',
      'restricted',
      pod({ hostUsers: false }, security({ procMount: 'Unmasked' })),
      () => true,
    ],
  ]

  it.each(CHANGES)('%s is forbidden by %s in the versions that forbid it', (_, level, subject, forbidden) => {
    for (let minor = 0; minor <= 40; minor++)
      expect([minor, told(level, subject, minor).length > 0]).toEqual([minor, forbidden(minor)])
  })
})

describe('labels of a namespace', () => {
  const labels = (own: Record<string, string>) =>
    Object.fromEntries(Object.entries(own).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]))
  const policy = (own: Record<string, string>) =>
    Object.entries(policyOf(labels(own)).policy).map(([mode, { level, minor }]) => `${mode} ${level} ${minor}`)

  it.each<[Record<string, string>, string[]]>([
    [{}, ['enforce privileged Infinity', 'audit privileged Infinity', 'warn privileged Infinity']],
    [{ enforce: 'baseline' }, ['enforce baseline Infinity', 'audit privileged Infinity', 'warn baseline Infinity']],
    [
      { enforce: 'restricted', 'enforce-version': 'v1.20' },
      ['enforce restricted 20', 'audit privileged Infinity', 'warn restricted 20'],
    ],
    [
      { enforce: 'restricted', warn: 'privileged', audit: 'baseline', 'audit-version': 'latest' },
      ['enforce restricted Infinity', 'audit baseline Infinity', 'warn privileged Infinity'],
    ],
    [
      { enforce: 'restricted', 'enforce-version': 'v1.20', 'warn-version': 'v1.30' },
      ['enforce restricted 20', 'audit privileged Infinity', 'warn restricted 30'],
    ],
    [{ enforce: 'most' }, ['enforce restricted Infinity', 'audit privileged Infinity', 'warn privileged Infinity']],
    [
      { warn: 'most', audit: '' },
      ['enforce privileged Infinity', 'audit privileged Infinity', 'warn privileged Infinity'],
    ],
  ])('%j', (own, expected) => {
    expect(policy(own)).toEqual(expected)
  })

  it('say what of them cannot be read', () => {
    const { errors } = policyOf(
      labels({ enforce: 'Baseline', 'enforce-version': 'v1.01', warn: 'x', 'audit-version': '1.2' }),
    )
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "Baseline": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/enforce-version]: Invalid value: "v1.01": must be "latest" or "v1.x"',
      'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
      'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "x": must be one of privileged, baseline, restricted',
    ])
  })
})
