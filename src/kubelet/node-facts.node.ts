/** What this machine is and has, as a Node says it. */
import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os'
import type { NodeDescription } from './node-status.ts'

const PODS_MAX = 110
const GOARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: '386', arm: 'arm' }
const KUBERNETES_VERSION = 'v1.36.2'

export interface NodeFactsOptions {
  readonly name: string
  readonly hostIP: string
  readonly podCIDR?: string
  readonly degraded: readonly string[]
  /** e.g. `ebb://0.1.0` */
  readonly runtimeVersion: string
  /** Whose file system counts as the node's. */
  readonly directory: string
}

export function nodeDescription(options: NodeFactsOptions): NodeDescription {
  const { name, hostIP, podCIDR, degraded, runtimeVersion } = options
  const architecture = GOARCH[arch()] ?? arch()
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const machineId = textOf('/etc/machine-id').trim()
  const amounts = {
    cpu: String(availableParallelism()),
    'ephemeral-storage': diskOf(options.directory),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(PODS_MAX),
  }
  return {
    name,
    hostIP,
    ...(podCIDR ? { podCIDR } : {}),
    labels: {
      'beta.kubernetes.io/arch': architecture,
      'beta.kubernetes.io/os': os,
      'kubernetes.io/arch': architecture,
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': os,
    },
    capacity: amounts,
    allocatable: amounts,
    nodeInfo: {
      architecture,
      bootID: textOf('/proc/sys/kernel/random/boot_id').trim(),
      containerRuntimeVersion: runtimeVersion,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: KUBERNETES_VERSION,
      machineID: machineId || hostname(),
      operatingSystem: os,
      osImage: osImage(),
      systemUUID: machineId || hostname(),
    },
    kubeletPort: 10250,
    degraded,
  }
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')

function diskOf(directory: string): string {
  try {
    const { blocks, bsize } = statfsSync(directory)
    return `${Math.floor((blocks * bsize) / 1024)}Ki`
  } catch {
    // The directory may not be there yet.
    return '0'
  }
}

function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(textOf('/etc/os-release'))?.[1] ?? process.platform
}
