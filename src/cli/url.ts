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
  if (!type || !name)
    throw new CliError(
      {
        en: `${text}: write it as service/NAME, service/NAME:PORT or pod/NAME:PORT`,
        ko: `${text}: service/이름, service/이름:포트, pod/이름:포트 중 하나로 쓰세요`,
      },
      2,
    )
  const kind = type.startsWith('p') ? 'pod' : 'service'
  if (kind === 'pod' && !port)
    throw new CliError(
      {
        en: `${text}: a pod needs its port, for example pod/${name}:8080`,
        ko: `${text}: 파드는 포트까지 적어야 합니다. 예: pod/${name}:8080`,
      },
      2,
    )
  return { kind, name, port }
}
