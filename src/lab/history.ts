/** What a recording says of each pod that ended in it: both sequences, as times. Pure. */
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import type { Recording } from './record.ts'

interface ContainerExit {
  readonly container: string
  readonly code: number
  readonly at: number
}

/** Times in ms since 1970; undefined: not seen in the recording. */
export interface PodEnd {
  /** `namespace/name`. */
  readonly pod: string
  readonly ip: string
  readonly markedAt: number
  /** First stop signal to a container. */
  readonly signalledAt: number | undefined
  readonly killedAt: number | undefined
  readonly exits: readonly ContainerExit[]
  /** When the last container had exited. */
  readonly exitedAt: number | undefined
  readonly endpointTerminatingAt: number | undefined
  /** When the last proxy had rules without the pod. */
  readonly rulesWithoutAt: number | undefined
}

/** Pods marked for deletion in the recording, in the order of the marks. */
export function podEnds(recording: Recording): readonly PodEnd[] {
  const byObject = new Map<string, EbbTraceEvent[]>()
  for (const event of recording.events) {
    const known = byObject.get(event.object)
    if (known) known.push(event)
    else byObject.set(event.object, [event])
  }
  const rules = recording.events.filter((event) => event.step === 'rules-changed')
  const ends: PodEnd[] = []
  for (const [object, events] of byObject) {
    const marked = events.find((event) => event.step === 'delete-marked')
    if (!marked || !object.startsWith('pod ')) continue
    const pod = object.slice('pod '.length)
    ends.push(endOf(pod, recording.addresses.get(pod) ?? '', marked.at, { events, rules }))
  }
  return ends.sort((a, b) => a.markedAt - b.markedAt)
}

function endOf(
  pod: string,
  ip: string,
  markedAt: number,
  { events, rules }: { events: readonly EbbTraceEvent[]; rules: readonly EbbTraceEvent[] },
): PodEnd {
  const first = (step: string, when: (event: EbbTraceEvent) => boolean = () => true) =>
    events.find((event) => event.step === step && event.at >= markedAt && when(event))?.at
  const exits = events
    .filter((event) => event.step === 'container-exited' && event.at >= markedAt)
    .map(({ at, detail }) => ({ at, container: String(detail?.container ?? ''), code: Number(detail?.code ?? -1) }))
  return {
    pod,
    ip,
    markedAt,
    signalledAt: first('signal-sent', (event) => event.detail?.signal !== 'SIGKILL'),
    killedAt: first('signal-sent', (event) => event.detail?.signal === 'SIGKILL'),
    exits,
    exitedAt: exits.at(-1)?.at,
    endpointTerminatingAt: first('endpoint-terminating'),
    rulesWithoutAt: rulesWithout(ip, markedAt, rules),
  }
}

/** Several nodes have a proxy each: the last of them counts. */
function rulesWithout(ip: string, markedAt: number, rules: readonly EbbTraceEvent[]): number | undefined {
  const firsts = new Map<string, number>()
  for (const event of rules)
    if (event.at >= markedAt && !firsts.has(proxyOf(event)) && !backendsOf(event).includes(ip))
      firsts.set(proxyOf(event), event.at)
  return firsts.size > 0 ? Math.max(...firsts.values()) : undefined
}

const proxyOf = (event: EbbTraceEvent) => `${event.component} ${event.detail?.node ?? ''}`

/** Addresses of the backends that a rules-changed event names. */
export function backendsOf(event: EbbTraceEvent): readonly string[] {
  return String(event.detail?.backends ?? '')
    .split(',')
    .filter(Boolean)
}
