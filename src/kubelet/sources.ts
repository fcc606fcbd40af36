/** What environment and volumes are made of: objects beside the pod, and facts of the node. */
import type { ConfigMap, Pod, Secret, Service } from '../api/types/core-v1.gen.ts'

export interface Sources {
  /** undefined: there is none of that name. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
  /** Services of a namespace. */
  services(namespace: string): readonly Service[]
  /** A token for the pod's service account; undefined where the server makes none. */
  token(pod: Pod, wish: TokenWish): Promise<Token | undefined>
}

export interface TokenWish {
  /** '' for the API server itself. */
  readonly audience: string
  readonly expirationSeconds: number
}

export interface Token {
  readonly text: string
  readonly expiresAtMs: number
}

/** An object or a key that the pod needs is not there. The message is Kubernetes'. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Secrets carry base64; config maps text, and base64 in binaryData. */
function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Content of a config map, by key. */
export function configContent({ data, binaryData }: ConfigMap): Map<string, Uint8Array> {
  return new Map([
    ...Object.entries(data ?? {}).map(([key, text]) => [key, encoder.encode(text)] as const),
    ...Object.entries(binaryData ?? {}).map(([key, text]) => [key, decodeBase64(text)] as const),
  ])
}

/** Content of a secret, by key. */
export function secretContent({ data }: Secret): Map<string, Uint8Array> {
  return new Map(Object.entries(data ?? {}).map(([key, text]) => [key, decodeBase64(text)] as const))
}

export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes)
export const bytesOf = (text: string): Uint8Array => encoder.encode(text)
