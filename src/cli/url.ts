/** `ebb url service/web:80`: reads the target. */
import { CliError } from './cli-error.ts'

export interface UrlTarget {
  readonly kind: 'service' | 'pod'
  readonly name: string
  /** Number or name of a port; undefined: the only or first one of a Service. */
  readonly port: string | undefined
}

export function urlTarget(text: string): UrlTarget {
  const match = /^(services?|svc|pods?|po)\/([^/:]+)(?::([^/:]+))?$/.exec(text)
  const [, type, name, port] = match ?? []
  if (!type || !name) throw new CliError(`${text}: write it as service/NAME, service/NAME:PORT or pod/NAME:PORT`, 2)
  const kind = type.startsWith('p') ? 'pod' : 'service'
  if (kind === 'pod' && !port) throw new CliError(`${text}: a pod needs its port: pod/${name}:8080`, 2)
  return { kind, name, port }
}
