/** From a pod to what its sandbox is made from: its names, its DNS, its hosts. Pure. */
import type { Pod } from '../api/types/core-v1.gen.ts'
import { expectedPorts } from './expected-ports.ts'
import { type NodeDns, podDns } from './pod-dns.ts'
import type { SandboxConfig } from './runtime.ts'

/** A DNS label, and so a short host name, has at most so many characters: the rest is cut off. */
const HOSTNAME_CHARS_MAX = 63
/** The kernel's limit: a pod whose full name is to be its host name gets no sandbox beyond it. */
const KERNEL_NAME_CHARS_MAX = 64

export interface SandboxNode {
  readonly nodeName: string
  readonly dns: NodeDns
  readonly logDirectory: string
}

/** `warnings`: messages of events DNSConfigForming. Throws an Error for a host name that the kernel would not take. */
export function sandboxConfig(
  pod: Pod,
  node: SandboxNode,
): { readonly config: Omit<SandboxConfig, 'attempt'>; readonly warnings: readonly string[] } {
  const { namespace = '', name = '', uid = '', labels = {} } = pod.metadata
  const { spec } = pod
  const { dns, warnings } = podDns(pod, node.dns)
  const config = {
    namespace,
    name,
    uid,
    ...namesOf(pod, node),
    labels,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
    hostNetwork: spec.hostNetwork ?? false,
    ports: expectedPorts(spec),
    dns,
    hostAliases: (spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => ({ ip, hostnames })),
    logDirectory: node.logDirectory,
  }
  return { config, warnings }
}

/**
 * The pod's host name, and its names in /etc/hosts. hostnameOverride goes before all; a subdomain makes a full name; a pod in
 * the node's network has the node's name, whatever it asks for. As kubelet's GeneratePodHostNameAndDomain.
 */
function namesOf(
  { metadata, spec }: Pod,
  { nodeName, dns }: SandboxNode,
): Pick<SandboxConfig, 'hostname' | 'hostsNames'> {
  if (spec.hostNetwork) return { hostname: nodeName, hostsNames: [nodeName] }
  const short = cut(spec.hostnameOverride || spec.hostname || metadata.name || '')
  if (!spec.subdomain || spec.hostnameOverride) return { hostname: short, hostsNames: [short] }
  const full = `${short}.${spec.subdomain}.${metadata.namespace}.svc.${dns.clusterDomain}`
  const hostsNames = [full, short]
  if (!spec.setHostnameAsFQDN) return { hostname: short, hostsNames }
  if (full.length > KERNEL_NAME_CHARS_MAX)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${KERNEL_NAME_CHARS_MAX} characters is the max, ${full.length} characters requested)`,
    )
  return { hostname: full, hostsNames }
}

const cut = (hostname: string): string =>
  hostname.length <= HOSTNAME_CHARS_MAX ? hostname : hostname.slice(0, HOSTNAME_CHARS_MAX).replace(/[-.]+$/, '')
