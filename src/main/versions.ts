/** Versions as people and clients see them. */
export const EBB_VERSION = '0.1.0'
/** The API's version; what `kubectl version` shows as the server's. */
export const KUBERNETES_VERSION = 'v1.36.2'
