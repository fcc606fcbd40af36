/** `ebb up`: its options, checked, and what it prints. Starting is done by main. */
import { CliError } from './cli-error.ts'
import { degradedLines } from './degraded.ts'
import { mappingOf } from './image.ts'
import type { Language, Text } from './text.ts'

export interface UpOptions {
  /** 0: any free port. */
  readonly port: number
  /** undefined with `ephemeral`: a temporary folder that goes with the process. */
  readonly data: string | undefined
  readonly ephemeral: boolean
  readonly token: string | undefined
  readonly kubeconfig: string | undefined
  readonly nodes: number
  /** Image reference -> path of a folder or an executable. */
  readonly images: ReadonlyMap<string, string>
  /** A file with more of them. */
  readonly imagesFile: string | undefined
  readonly detach: boolean
}

/** As the argument parser hands them over. */
export interface RawUpOptions {
  readonly port?: string
  readonly data?: string
  readonly ephemeral?: boolean
  readonly token?: string
  readonly kubeconfig?: string
  readonly nodes?: string
  readonly node?: boolean
  readonly image?: readonly string[]
  readonly images?: string
  readonly detach?: boolean
}

const DEFAULT_PORT = '6443'
/** Nodes on one machine; each is a process of about 50 MB. */
const NODES_MAX = 50

export function upOptions(raw: RawUpOptions): UpOptions {
  if (raw.data !== undefined && raw.ephemeral)
    throw new CliError(
      {
        en: '--data and --ephemeral exclude each other: leave one of them out',
        ko: '--data 와 --ephemeral 은 함께 쓸 수 없습니다. 하나를 빼세요',
      },
      2,
    )
  if (raw.nodes !== undefined && raw.node === false)
    throw new CliError(
      {
        en: '--nodes and --no-node exclude each other: leave one of them out',
        ko: '--nodes 와 --no-node 는 함께 쓸 수 없습니다. 하나를 빼세요',
      },
      2,
    )
  if (raw.token !== undefined && !/^[\x21-\x7e]+$/.test(raw.token))
    throw new CliError(
      { en: '--token must be printable ASCII without blanks', ko: '--token 은 공백 없는 ASCII 문자여야 합니다' },
      2,
    )
  return {
    port: wholeNumber('--port', raw.port ?? DEFAULT_PORT, 0, 65535),
    data: raw.data,
    ephemeral: raw.ephemeral ?? false,
    token: raw.token,
    kubeconfig: raw.kubeconfig,
    nodes: raw.node === false ? 0 : wholeNumber('--nodes', raw.nodes ?? '1', 1, NODES_MAX),
    images: new Map((raw.image ?? []).map(mappingOf)),
    imagesFile: raw.images,
    detach: raw.detach ?? false,
  }
}

function wholeNumber(flag: string, text: string, from: number, to: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || text.trim() === '' || value < from || value > to)
    throw new CliError(
      {
        en: `${flag} ${text}: must be a whole number from ${from} to ${to}`,
        ko: `${flag} ${text}: ${from} 이상 ${to} 이하의 정수여야 합니다`,
      },
      2,
    )
  return value
}

export interface Ready {
  readonly ms: number
  readonly url: string
  readonly version: string
  readonly kubeconfig: string
  readonly nodes: readonly string[]
  readonly data: string | undefined
  /** What this machine cannot give, as the nodes say it. */
  readonly degraded: readonly string[]
  readonly detached: boolean
}

const IN_MEMORY: Text = { en: 'data in memory: gone when it stops', ko: '데이터: 메모리 (멈추면 사라집니다)' }
const TYPE_NEXT: Text = { en: 'Type next:', ko: '다음을 입력하세요:' }
const TO_STOP: Text = { en: 'to stop:', ko: '멈추려면:' }

/** The ready line says in how many ms, where, and what to type next. */
export function readyText(ready: Ready, language: Language): string {
  const ms = Math.round(ready.ms)
  const where = `${ready.url}, Kubernetes ${ready.version}`
  const nodes = ready.nodes.join(', ')
  const head: Text = {
    en: `ebb is ready in ${ms} ms: ${where}${nodes ? `, node${ready.nodes.length > 1 ? 's' : ''} ${nodes}` : ', no node'}`,
    ko: `ebb 준비 완료 (${ms} ms): ${where}${nodes ? `, 노드 ${nodes}` : ', 노드 없음'}`,
  }
  const data: Text = ready.data ? { en: `data in ${ready.data}`, ko: `데이터: ${ready.data}` } : IN_MEMORY
  const port = new URL(ready.url).port
  return [
    head[language],
    data[language],
    ...degradedLines(ready.degraded, language),
    '',
    TYPE_NEXT[language],
    `  export KUBECONFIG=${shellWord(ready.kubeconfig)}`,
    '  kubectl get nodes',
    '',
    `${TO_STOP[language]} ${ready.detached ? `ebb down${port === DEFAULT_PORT ? '' : ` --port ${port}`}` : 'Ctrl-C'}`,
    '',
  ].join('\n')
}

/** A word for a shell to copy: in quotes where it holds more than plain characters. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
