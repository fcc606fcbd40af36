import { describe, expect, it } from 'vitest'
import type { Container, Pod, PodSecurityContext, PodSpec, SecurityContext } from '../api/types/core-v1.gen.ts'
import { DEFAULT_SECURITY, type ImageUser, type SecurityFeature } from './runtime.ts'
import { containerSecurity, createRefusal, unmetSettings } from './security.ts'

interface Case {
  readonly pod?: PodSecurityContext
  readonly container?: SecurityContext
  readonly spec?: Partial<PodSpec>
}

const ROOT: ImageUser = { uid: 0 }
const NAMED = '(pod: "p_default(u1)", container: app)'

function sample({ pod, container, spec }: Case): [Pod, Container] {
  const app: Container = { name: 'app', ...(container && { securityContext: container }) }
  const metadata = { name: 'p', namespace: 'default', uid: 'u1' }
  return [{ metadata, spec: { containers: [app], ...(pod && { securityContext: pod }), ...spec } }, app]
}

const decided = (c: Case, image = ROOT) => containerSecurity(...sample(c), image)

describe('what a container gets', () => {
  it.each<[string, Case, object]>([
    ['nothing is asked', {}, {}],
    ["the pod's user", { pod: { runAsUser: 1000, runAsGroup: 3000 } }, { runAsUser: 1000, runAsGroup: 3000 }],
    [
      "the container's own, field by field",
      { pod: { runAsUser: 1000, runAsGroup: 3000 }, container: { runAsUser: 0 } },
      { runAsUser: 0, runAsGroup: 3000 },
    ],
    [
      'fsGroup before the other groups, each once',
      { pod: { fsGroup: 2000, supplementalGroups: [4000, 2000, 5000] } },
      { supplementalGroups: [2000, 4000, 5000] },
    ],
    ['a group without a user', { pod: { runAsGroup: 3000 } }, { runAsGroup: 3000 }],
    ['a read-only root', { container: { readOnlyRootFilesystem: true } }, { readOnlyRootFilesystem: true }],
    ['escalation refused', { container: { allowPrivilegeEscalation: false } }, { noNewPrivileges: true }],
    ['escalation allowed', { container: { allowPrivilegeEscalation: true } }, { noNewPrivileges: false }],
    ['privileged', { container: { privileged: true } }, { privileged: true }],
    [
      'capabilities, in whatever spelling',
      { container: { capabilities: { add: ['NET_ADMIN', 'cap_sys_time', 'SYS_TIME'], drop: ['all'] } } },
      { capabilities: { add: ['NET_ADMIN', 'SYS_TIME'], drop: ['ALL'] } },
    ],
    [
      'a null counts as absent',
      { pod: { runAsUser: 7 }, container: JSON.parse('{"runAsUser":null}') },
      { runAsUser: 7 },
    ],
  ])('%s', (_, given, expected) => {
    expect(decided(given)).toEqual({ ...DEFAULT_SECURITY, ...expected })
  })

  it("the image's user, when the pod names none; its group only together with it", () => {
    const image = { uid: 1000, gid: 1001 }
    expect(decided({}, image)).toMatchObject({ runAsUser: 1000, runAsGroup: 1001 })
    expect(decided({ pod: { runAsUser: 5 } }, image)).toEqual({ ...DEFAULT_SECURITY, runAsUser: 5 })
  })
})

describe('runAsNonRoot', () => {
  const byImage = `container has runAsNonRoot and image will run as root ${NAMED}`
  const byUser = `container's runAsUser breaks non-root policy ${NAMED}`
  it.each<[string, Case, ImageUser, string | undefined]>([
    ['of the container, without a user', { container: { runAsNonRoot: true } }, ROOT, byImage],
    ['of the pod, without a user', { pod: { runAsNonRoot: true } }, ROOT, byImage],
    ['with root by the container', { container: { runAsNonRoot: true, runAsUser: 0 } }, ROOT, byUser],
    ['with root by the pod', { pod: { runAsNonRoot: true, runAsUser: 0 } }, ROOT, byUser],
    [
      'with root over another user',
      { pod: { runAsNonRoot: true, runAsUser: 5 }, container: { runAsUser: 0 } },
      ROOT,
      byUser,
    ],
    [
      'root by the pod, another by the container',
      { pod: { runAsNonRoot: true, runAsUser: 0 }, container: { runAsUser: 5 } },
      ROOT,
      undefined,
    ],
    ['with a user', { pod: { runAsNonRoot: true, runAsUser: 1000 } }, ROOT, undefined],
    [
      'taken back by the container',
      { pod: { runAsNonRoot: true }, container: { runAsNonRoot: false } },
      ROOT,
      undefined,
    ],
    ['with a user of the image', { pod: { runAsNonRoot: true } }, { uid: 1000 }, undefined],
    [
      'with a user of the image, over which is root',
      { pod: { runAsNonRoot: true, runAsUser: 0 } },
      { uid: 1000 },
      byUser,
    ],
  ])('%s', (_, given, image, message) => {
    if (message === undefined) expect(decided(given, image)).toBeDefined()
    else expect(() => decided(given, image)).toThrow(message)
  })
})

it('a seccomp profile that this node has not: as a real node without it', () => {
  const seccompProfile = { type: 'Localhost', localhostProfile: 'profiles/audit.json' }
  const words =
    'failed to create containerd container: cannot load seccomp profile "/var/lib/kubelet/seccomp/profiles/audit.json": open /var/lib/kubelet/seccomp/profiles/audit.json: no such file or directory'
  expect(createRefusal(...sample({ pod: { seccompProfile } }))).toBe(words)
  expect(createRefusal(...sample({ container: { seccompProfile } }))).toBe(words)
  const own = { seccompProfile: { type: 'RuntimeDefault' } }
  expect(createRefusal(...sample({ pod: { seccompProfile }, container: own }))).toBeUndefined()
})

describe('what is asked for and not obeyed', () => {
  const ALL: readonly SecurityFeature[] = [
    ...([
      'runAsUser',
      'supplementalGroups',
      'readOnlyRootFilesystem',
      'capabilities',
      'allowPrivilegeEscalation',
    ] as const),
    ...([
      'privileged',
      'procMount',
      'seccompProfile',
      'seLinuxOptions',
      'hostPID',
      'hostIPC',
      'hostUsers',
      'sysctls',
    ] as const),
  ]
  const demanding: Case = {
    spec: { hostPID: true, hostIPC: true, hostUsers: false },
    pod: { fsGroup: 5, supplementalGroups: [6, 7], sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '0' }] },
    container: {
      ...{
        runAsUser: 1,
        runAsGroup: 2,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        privileged: true,
      },
      capabilities: { add: ['SYS_TIME'], drop: ['ALL'] },
      procMount: 'Unmasked',
      seccompProfile: { type: 'RuntimeDefault' },
      seLinuxOptions: { level: 's0:c1' },
    },
  }
  const { securityContext: ofPod } = sample(demanding)[0].spec
  const given = () => sample({ ...demanding, spec: { ...demanding.spec, ...(ofPod && { securityContext: ofPod }) } })[0]

  it('a runtime that obeys everything has nothing to say; one that obeys nothing names each', () => {
    expect(unmetSettings(given(), new Set())).toEqual([])
    expect(unmetSettings(given(), new Set(ALL))).toEqual([
      'hostPID',
      'hostIPC',
      'hostUsers: false',
      'sysctls net.ipv4.tcp_syncookies',
      'fsGroup 5',
      'supplementalGroups 6, 7',
      'runAsUser 1 (container app)',
      'runAsGroup 2 (container app)',
      'readOnlyRootFilesystem (container app)',
      'allowPrivilegeEscalation: false (container app)',
      'privileged (container app)',
      'capabilities.add SYS_TIME (container app)',
      'capabilities.drop ALL (container app)',
      'procMount Unmasked (container app)',
      'seccompProfile RuntimeDefault (container app)',
      'seLinuxOptions (container app)',
    ])
  })

  it.each(ALL)('%s alone', (feature) => {
    expect(unmetSettings(given(), new Set([feature])).length).toBeGreaterThan(0)
  })

  it('what only repeats the default asks for nothing', () => {
    const container = {
      privileged: false,
      procMount: 'Default',
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
    }
    const [pod] = sample({
      pod: { seccompProfile: { type: 'Unconfined' } },
      container,
      spec: { hostPID: false, hostUsers: true },
    })
    expect(unmetSettings(pod, new Set(ALL))).toEqual([])
  })
})
