/** The files that Kubernetes puts into every container of a pod. Pure text. */
import type { SandboxConfig } from '../../runtime.ts'

/** /etc/hosts as the kubelet writes it. `nodeHosts`: the node's own, for a pod in the node's network; else undefined. */
export function hostsFile(config: SandboxConfig, ip: string, nodeHosts?: string): string {
  const aliases = config.hostAliases.map((alias) => `${[alias.ip, ...alias.hostnames].join('\t')}\n`)
  const added = aliases.length > 0 ? `\n# Entries added by HostAliases.\n${aliases.join('')}` : ''
  if (nodeHosts !== undefined) return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${added}`
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    [ip, ...config.hostsNames].join('\t'),
  ]
  return `${lines.join('\n')}\n${added}`
}

/** /etc/resolv.conf; undefined when the pod names no servers: the host's is then used. */
export function resolvFile(dns: SandboxConfig['dns']): string | undefined {
  if (dns.servers.length === 0 && dns.searches.length === 0 && dns.options.length === 0) return undefined
  const lines = dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []
  for (const server of dns.servers) lines.push(`nameserver ${server}`)
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`)
  return `${lines.join('\n')}\n`
}
