import { describe, expect, it } from 'vitest'
import type { PodSpec } from '../api/types/core-v1.gen.ts'
import { hostsFile } from './runtimes/process/pod-files.ts'
import { sandboxConfig } from './sandbox-config.ts'

const host = { servers: ['192.0.2.1'], searches: [], options: [] }
const node = { nodeName: 'ebb-1', dns: { servers: [], clusterDomain: 'cluster.local', host }, logDirectory: '/logs' }

function made(spec: Partial<PodSpec>, name = 'alpha-pod') {
  const metadata = { name, namespace: 'default', uid: 'u' }
  return { ...sandboxConfig({ metadata, spec: { containers: [], ...spec } }, node).config, attempt: 0 }
}

describe('names', () => {
  const FULL = 'alpha.greek.default.svc.cluster.local'
  const long = 'a'.repeat(60)
  it.each<[string, Partial<PodSpec>, string, readonly string[]]>([
    ["the pod's own name", {}, 'alpha-pod', ['alpha-pod']],
    ['hostname', { hostname: 'alpha' }, 'alpha', ['alpha']],
    ['hostname and subdomain', { hostname: 'alpha', subdomain: 'greek' }, 'alpha', [FULL, 'alpha']],
    [
      'a subdomain alone',
      { subdomain: 'greek' },
      'alpha-pod',
      ['alpha-pod.greek.default.svc.cluster.local', 'alpha-pod'],
    ],
    [
      'the full name as host name',
      { hostname: 'alpha', subdomain: 'greek', setHostnameAsFQDN: true },
      FULL,
      [FULL, 'alpha'],
    ],
    ['no full name to be had', { hostname: 'alpha', setHostnameAsFQDN: true }, 'alpha', ['alpha']],
    [
      'an override, before all others',
      { hostname: 'alpha', subdomain: 'greek', hostnameOverride: 'my.host.example' },
      'my.host.example',
      ['my.host.example'],
    ],
    ["the node's network", { hostname: 'alpha', subdomain: 'greek', hostNetwork: true }, 'ebb-1', ['ebb-1']],
  ])('%s', (_, spec, hostname, hostsNames) => {
    expect(made(spec)).toMatchObject({ hostname, hostsNames })
  })

  it('a name of more than 63 characters is cut, and does not end with a dash or a dot', () => {
    expect(made({}, `${'a'.repeat(61)}-.b`).hostname).toBe('a'.repeat(61))
    expect(made({}, 'a'.repeat(63)).hostname).toBe('a'.repeat(63))
  })

  it("a full name beyond the kernel's 64 characters: no sandbox", () => {
    expect(() => made({ hostname: long, subdomain: 's', setHostnameAsFQDN: true })).toThrow(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${long}.s.default.svc.cluster.local is too long (64 characters is the max, 88 characters requested)`,
    )
    expect(made({ hostname: long, subdomain: 's' }).hostname).toBe(long)
  })
})

describe('/etc/hosts', () => {
  const hostAliases = [
    { ip: '10.1.2.3', hostnames: ['foo.remote', 'bar.remote'] },
    { ip: '2001:db8::1', hostnames: ['six'] },
  ]
  const entries = '\n# Entries added by HostAliases.\n10.1.2.3\tfoo.remote\tbar.remote\n2001:db8::1\tsix\n'
  const head = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters\n',
  ].join('\n')

  it('of a pod with a subdomain', () => {
    expect(hostsFile(made({ hostname: 'alpha', subdomain: 'greek' }), '10.244.0.10')).toBe(
      `${head}10.244.0.10\talpha.greek.default.svc.cluster.local\talpha\n`,
    )
  })

  it('with aliases', () => {
    expect(hostsFile(made({ hostAliases }), '10.244.0.10')).toBe(`${head}10.244.0.10\talpha-pod\n${entries}`)
  })

  it("in the node's network: the node's own file", () => {
    const own = '127.0.0.1 localhost\n'
    const header = '# Kubernetes-managed hosts file (host network).\n'
    expect(hostsFile(made({ hostNetwork: true }), '172.16.0.2', own)).toBe(`${header}${own}`)
    expect(hostsFile(made({ hostNetwork: true, hostAliases }), '172.16.0.2', own)).toBe(`${header}${own}${entries}`)
  })
})
