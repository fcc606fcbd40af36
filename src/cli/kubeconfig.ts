/** A kubeconfig with one context, `ebb`. JSON is YAML, but people read this file: so YAML, written by hand. */
export interface KubeconfigOptions {
  readonly server: string
  /** PEM texts. */
  readonly ca: string
  readonly clientCert: string
  readonly clientKey: string
}

export function kubeconfig({ server, ca, clientCert, clientKey }: KubeconfigOptions): string {
  return `apiVersion: v1
kind: Config
current-context: ebb
clusters:
- name: ebb
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(ca)}
users:
- name: ebb-admin
  user:
    client-certificate-data: ${base64(clientCert)}
    client-key-data: ${base64(clientKey)}
contexts:
- name: ebb
  context:
    cluster: ebb
    user: ebb-admin
`
}

const base64 = (text: string): string => btoa(text)

/** First line of the files that ebb writes as kubeconfig: how it knows its own and never overwrites somebody else's. */
export const KUBECONFIG_MARK = '# written by ebb up; removed and written anew by it\n'

/**
 * Whether ebb wrote this file: by its first line, or, when kubectl has written it anew without comments (`kubectl config
 * set-context --current --namespace=x`), by there being nothing in it but what ebb names.
 */
export function isOwnKubeconfig(text: string): boolean {
  if (text.startsWith(KUBECONFIG_MARK)) return true
  const names = [...text.matchAll(/^\s*(?:- )?name: *(.*)$/gm)].map((match) => match[1])
  return names.length === 3 && names.every((name) => name === 'ebb' || name === 'ebb-admin')
}

interface Named {
  readonly name?: unknown
}

/**
 * The server that kubectl would speak to with these kubeconfigs, parsed, in the order of KUBECONFIG: what several of them say, the
 * first says. undefined when they name none.
 */
export function currentServer(configs: readonly unknown[]): string | undefined {
  const objects = configs.filter((config) => typeof config === 'object' && config !== null) as Record<string, unknown>[]
  const named = (list: string, name: unknown) =>
    objects
      .flatMap((config) => (Array.isArray(config[list]) ? (config[list] as (Named | null)[]) : []))
      .find((entry) => entry?.name === name) as Record<string, Record<string, unknown>> | undefined
  const context = objects.map((config) => config['current-context']).find((name) => name)
  if (context === undefined) return undefined
  const server = named('clusters', named('contexts', context)?.context?.cluster)?.cluster?.server
  return typeof server === 'string' ? server.replace(/\/$/, '') : undefined
}
