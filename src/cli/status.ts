/** `ebb status`: what runs, in a few lines. */

import { isConditionTrue } from '../api/conditions.ts'
import { parseTime } from '../api/time.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { ApiClient } from '../client/api-client.ts'
import { nodes, pods } from '../client/resources.ts'
import { degradedBeyond, degradedLines } from './degraded.ts'
import type { Language } from './text.ts'
import { shellWord } from './up.ts'

export interface StatusHead {
  readonly url: string
  readonly pid: number
  readonly kubeconfig: string
  readonly data: string | undefined
}

export async function statusText(
  client: ApiClient,
  head: StatusHead,
  nowMs: number,
  language: Language,
): Promise<string> {
  const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
  const ko = language === 'ko'
  const lines = [`${head.url}  (pid ${head.pid}, ${head.data ?? (ko ? '메모리' : 'in memory')})`]
  for (const node of nodeList.items) {
    const ready = isConditionTrue(node.status, 'Ready')
    lines.push(`  node/${node.metadata.name}  ${ready ? 'Ready' : 'NotReady'}`)
    const degraded = degradedBeyond(node.metadata.annotations?.['ebb.dev/degraded'])
    lines.push(...degradedLines(degraded, language).map((line) => `    ${line}`))
  }
  const phases = new Map<string, number>()
  for (const pod of podList.items)
    phases.set(pod.status?.phase ?? 'Unknown', (phases.get(pod.status?.phase ?? 'Unknown') ?? 0) + 1)
  const counts = [...phases].map(([phase, n]) => `${n} ${phase}`).join(', ')
  lines.push(`  ${ko ? '파드' : 'pods'}: ${counts || (ko ? '없음' : 'none')}`)
  for (const pod of podList.items) if (pod.metadata.deletionTimestamp) lines.push(terminating(pod, nowMs, ko))
  lines.push(`  export KUBECONFIG=${shellWord(head.kubeconfig)}`)
  return `${lines.join('\n')}\n`
}

function terminating(pod: Pod, nowMs: number, ko: boolean): string {
  const due = parseTime(pod.metadata.deletionTimestamp ?? '') ?? nowMs
  const left = Math.round((due - nowMs) / 1000)
  const finalizers = pod.metadata.finalizers?.length ? `, finalizers ${pod.metadata.finalizers.join(' ')}` : ''
  const when = left >= 0 ? (ko ? `${left}초 남음` : `${left} s left`) : ko ? `${-left}초 지남` : `${-left} s overdue`
  return `    ${pod.metadata.namespace}/${pod.metadata.name}  Terminating, ${when}${finalizers}`
}
