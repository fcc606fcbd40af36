/** What the control plane's process tells a node's process at its start, as JSON in the environment. */
export interface NodeConfig {
  /** Plain HTTP on a Unix socket, for the node's own client. */
  readonly apiSocket: string
  /** TLS on a Unix socket: what pods reach as https://kubernetes.default. */
  readonly apiTlsSocket: string
  /** The node's own: `system:node:NAME`. */
  readonly token: string
  /** Its proxy's, which may do less: `system:kube-proxy`. */
  readonly proxyToken: string
  /** Where the kubelet's server listens. */
  readonly kubeletSocket: string
  /** Where the node's relay listens. */
  readonly relaySocket: string
  /** What image references run, as `programsOf` reads it; changes while the node runs. */
  readonly imagesFile: string
  readonly version: string
  /** ebb's own folders, data and run: no container sees into them. */
  readonly covered: readonly string[]
}

export const NODE_CONFIG_VARIABLE = 'EBB_NODE_CONFIG'

/** Port on a node's address at which the API server is reached from inside; the `kubernetes` Service leads here. */
export const API_PORT_INSIDE = 6443
