import { describe, expect, it } from 'vitest'
import type { EbbTraceEvent, Step } from '../api/trace-steps.ts'
import { width } from '../base/columns.ts'
import { classify } from './classify.ts'
import { podEnds } from './history.ts'
import type { RequestRecord } from './load.ts'
import type { Recording } from './record.ts'
import { type AppReport, appText, headText, REPORT_COLUMNS, verdictText } from './report.ts'

const T = 1_800_000_000_000
const POD = 'pod default/web-1'
const ALL = '10.244.0.5,10.244.0.6,10.244.0.7'
const REST = '10.244.0.6,10.244.0.7'

function event(ms: number, step: Step, more: Partial<EbbTraceEvent> = {}): EbbTraceEvent {
  const component = step === 'rules-changed' ? 'proxy' : 'kubelet'
  return { at: T + ms, component, step, object: step === 'rules-changed' ? 'service default/web' : POD, ...more }
}
const rules = (ms: number, backends: string) =>
  event(ms, 'rules-changed', { detail: { service: 'default/web', backends } })

/** A pod that dies of TERM after 3 ms; its rules go after 8 ms. */
const careless = [
  event(0, 'delete-marked', { component: 'api', detail: { grace: 5 } }),
  event(1, 'delete-seen', { detail: { grace: 5 } }),
  event(2, 'signal-sent', { detail: { container: 'app', signal: 'SIGTERM', pid: 71 } }),
  event(3, 'container-exited', { detail: { container: 'app', code: 143 } }),
  event(4, 'endpoint-terminating', { component: 'endpointslice', detail: { service: 'default/web', serving: true } }),
  rules(8, REST),
  event(20, 'delete-removed', { component: 'api' }),
]

let number = 0
function request(sentMs: number, endedMs: number, more: Partial<RequestRecord> = {}): RequestRecord {
  const at = { dueAt: T + sentMs, sentAt: T + sentMs, endedAt: T + endedMs }
  return { number: number++, kind: 'new', outcome: 'ok', reused: false, ...at, ...more }
}

function recording(requests: readonly RequestRecord[], events: readonly EbbTraceEvent[] = careless): Recording {
  return { events, requests, addresses: new Map([['default/web-1', '10.244.0.5']]) }
}

describe('history', () => {
  it('[LH1] puts the times of both sequences together', () => {
    expect(podEnds(recording([]))).toEqual([
      {
        pod: 'default/web-1',
        ip: '10.244.0.5',
        markedAt: T,
        signalledAt: T + 2,
        killedAt: undefined,
        exits: [{ container: 'app', code: 143, at: T + 3 }],
        exitedAt: T + 3,
        endpointTerminatingAt: T + 4,
        rulesWithoutAt: T + 8,
      },
    ])
  })
})

describe('why a request was lost', () => {
  const reset = { outcome: 'reset', error: 'ECONNRESET' } as const
  const refused = { outcome: 'refused', error: 'ECONNREFUSED' } as const
  const cases: readonly (readonly [string, RequestRecord, string, (readonly EbbTraceEvent[])?])[] = [
    ['was being worked on when the program exited', request(-40, 3.4, reset), 'in-flight-at-exit'],
    ['was being worked on, and a busy client heard of the exit late', request(-40, 180, reset), 'in-flight-at-exit'],
    ['had half its answer', request(-40, 3.4, { outcome: 'cut' }), 'in-flight-at-exit'],
    ['came after the exit, before the rules changed', request(5, 5.5, refused), 'stopped-listening'],
    [
      'used a kept connection after the exit',
      request(5, 5.5, { ...reset, kind: 'keep-alive', reused: true, connectedTo: 'web-1' }),
      'kept-connection',
    ],
    [
      'used a kept connection whose end the client heard of late',
      request(90, 91, { ...reset, kind: 'keep-alive', reused: true, connectedTo: 'web-1' }),
      'kept-connection',
    ],
    [
      'was answered slowly on a kept connection when the program exited',
      request(-80, 60, { ...reset, kind: 'keep-alive', reused: true, connectedTo: 'web-1' }),
      'in-flight-at-exit',
    ],
    [
      'used a kept connection that the ending program closed long before it exited',
      request(4, 5, { ...reset, kind: 'keep-alive', reused: true, connectedTo: 'web-1' }),
      'kept-connection',
      careless.map((e) => (e.step === 'container-exited' ? { ...e, at: T + 900 } : e)),
    ],
    ['was answered with 503', request(5, 6, { outcome: 'status', status: 503 }), 'server-error'],
    ['was refused much later', request(900, 901, refused), 'unknown'],
    ['was reset long before', request(-400, -390, reset), 'unknown'],
    [
      'was refused because nobody was left',
      request(30, 30.2, refused),
      'no-endpoints',
      [...careless.slice(0, 5), rules(8, ''), ...careless.slice(6)],
    ],
    [
      'met a new pod that did not listen yet',
      request(520, 520.3, refused),
      'not-listening-yet',
      [...careless, rules(510, ALL.replace('.5', '.9'))],
    ],
  ]
  for (const [name, lost, cause, events] of cases)
    it(`[LC1] ${name}: ${cause}`, () => {
      expect(classify(recording([lost], events)).map((loss) => loss.cause)).toEqual([cause])
    })

  it('[LC2] names the pod, and says when it had to guess', () => {
    const other = careless.map((e) => ({ ...e, at: e.at + 1, object: e.object.replace('web-1', 'web-2') }))
    const [alone] = classify(recording([request(-40, 3.4, { outcome: 'reset' })]))
    expect([alone?.pod?.pod, alone?.sure]).toEqual(['default/web-1', true])
    const both = { ...recording([request(-40, 3.4, { outcome: 'reset' })]), events: [...careless, ...other] }
    expect([classify(both)[0]?.pod?.pod, classify(both)[0]?.sure]).toEqual(['default/web-1', false])
  })

  it('[LC1] what was answered is not lost', () => {
    expect(classify(recording([request(0, 1)]))).toEqual([])
  })
})

describe('report', () => {
  const careful = careless.map((e) => (e.step === 'container-exited' ? { ...e, at: T + 2010, detail: { code: 0 } } : e))
  const app = (name: string, of: Recording): AppReport => ({
    name,
    about: 'no handler, no preStop',
    actions: [
      { kind: 'delete', pod: 'default/web-1', at: T, recording: of },
      { kind: 'roll', at: T, recording: of },
    ],
  })
  const lossy = app(
    'careless',
    recording([
      ...Array.from({ length: 30 }, (_, i) => request(-60 + i * 2, 3.4, { outcome: 'reset' })),
      request(5, 5.5, { outcome: 'refused' }),
      request(40, 44),
    ]),
  )
  const clean = app('careful', recording([request(-60, -50), request(5, 9)], careful))

  for (const language of ['en', 'ko'] as const)
    it(`[LR1] reads well, at most 100 columns wide (${language})`, async () => {
      const style = { language, colors: false }
      const text =
        headText(style, 3, 200) + appText(lossy, style) + appText(clean, style) + verdictText([lossy, clean], style)
      for (const line of text.split('\n')) expect(width(line), line).toBeLessThanOrEqual(REPORT_COLUMNS)
      await expect(text).toMatchFileSnapshot(`golden/report-${language}.txt`)
    })

  it('[LR2] the verdict says what was seen, also of a careful app that lost something', () => {
    const style = { language: 'en', colors: false } as const
    expect(verdictText([lossy, clean], style).replace(/\n/g, ' ')).toContain('careless app lost 62 of 64 requests')
    expect(verdictText([app('careful', recording([request(5, 5.5, { outcome: 'refused' })]))], style)).toContain(
      'the careful app lost 2 of 2 requests',
    )
  })
})
