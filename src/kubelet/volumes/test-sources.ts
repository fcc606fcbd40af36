/** What volumes of tests are made of: objects that a test may change. */
import type { ConfigMap, Pod, Secret, Volume } from '../../api/types/core-v1.gen.ts'
import type { Sources } from '../sources.ts'

export class TestSources implements Sources {
  readonly configMaps = new Map<string, ConfigMap>()
  readonly secrets = new Map<string, Secret>()
  tokens = 0
  tokenLifeMs = 3_600_000
  now: () => number = () => 0

  addConfig(name: string, data: Readonly<Record<string, string>>): void {
    this.configMaps.set(name, { metadata: { name }, data })
  }

  addSecret(name: string, data: Readonly<Record<string, string>>): void {
    const encoded = Object.entries(data).map(([key, text]) => [key, btoa(text)])
    this.secrets.set(name, { metadata: { name }, data: Object.fromEntries(encoded) })
  }

  configMap = async (_namespace: string, name: string) => this.configMaps.get(name)
  secret = async (_namespace: string, name: string) => this.secrets.get(name)
  services = () => []
  token = async () => ({ text: `token ${++this.tokens}`, expiresAtMs: this.now() + this.tokenLifeMs })
}

export const FACTS = { podIP: '', hostIP: '127.0.0.1', allocatable: { cpu: '4', memory: '64Mi' } }

/** A pod whose only container mounts all of `volumes`, each at `/NAME`. */
export function podWith(volumes: readonly Volume[], spec: Partial<Pod['spec']> = {}): Pod {
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }))
  return {
    metadata: { name: 'web-1', namespace: 'default', uid: 'u-1', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', volumeMounts }], volumes, ...spec },
  }
}
