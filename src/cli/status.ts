/** `ebb status`: what runs, in a few lines. */

import { isConditionTrue } from '../api/conditions.ts'
import { parseTime } from '../api/time.ts'
import type { Pod } from '../api/types/core-v1.gen.ts'
import type { ApiClient } from '../client/api-client.ts'
import { nodes, pods } from '../client/resources.ts'
import { degradedBeyond, degradedLines } from './degraded.ts'
import type { Language, Text } from './text.ts'
import { shellWord } from './up.ts'

export interface StatusHead {
  readonly url: string
  readonly pid: number
  readonly kubeconfig: string
  readonly data: string | undefined
}

const IN_MEMORY: Text = { en: 'in memory', ko: '메모리' }
const PODS: Text = { en: 'pods', ko: '파드' }
const NONE: Text = { en: 'none', ko: '없음' }

export async function statusText(
  client: ApiClient,
  head: StatusHead,
  nowMs: number,
  language: Language,
): Promise<string> {
  const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
  const lines = [`${head.url}  (pid ${head.pid}, ${head.data ?? IN_MEMORY[language]})`]
  for (const node of nodeList.items) {
    const ready = isConditionTrue(node.status, 'Ready')
    lines.push(`  node/${node.metadata.name}  ${ready ? 'Ready' : 'NotReady'}`)
    const degraded = degradedBeyond(node)
    lines.push(...degradedLines(degraded, language).map((line) => `    ${line}`))
  }
  const phases = new Map<string, number>()
  for (const pod of podList.items)
    phases.set(pod.status?.phase ?? 'Unknown', (phases.get(pod.status?.phase ?? 'Unknown') ?? 0) + 1)
  const counts = [...phases].map(([phase, n]) => `${n} ${phase}`).join(', ')
  lines.push(`  ${PODS[language]}: ${counts || NONE[language]}`)
  for (const pod of podList.items) if (pod.metadata.deletionTimestamp) lines.push(terminating(pod, nowMs, language))
  lines.push(`  export KUBECONFIG=${shellWord(head.kubeconfig)}`)
  return `${lines.join('\n')}\n`
}

function terminating(pod: Pod, nowMs: number, language: Language): string {
  const due = parseTime(pod.metadata.deletionTimestamp ?? '') ?? nowMs
  const left = Math.round((due - nowMs) / 1000)
  const finalizers = pod.metadata.finalizers?.length ? `, finalizers ${pod.metadata.finalizers.join(' ')}` : ''
  const when: Text =
    left >= 0 ? { en: `${left} s left`, ko: `${left}초 남음` } : { en: `${-left} s overdue`, ko: `${-left}초 지남` }
  return `    ${pod.metadata.namespace}/${pod.metadata.name}  Terminating, ${when[language]}${finalizers}`
}
