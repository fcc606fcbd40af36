/**
 * The termination report as text: for each action the timelines of both sequences side by side, on one clock that starts with
 * the action, then the requests lost, when each was sent and why; at the end one sentence of verdict. Pure; at most
 * REPORT_COLUMNS wide.
 */
import pc from 'picocolors'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import { fit, pad, padLeft, width, wrap } from '../base/columns.ts'
import { classify, type Loss, type LossCause } from './classify.ts'
import { backendsOf, podEnds } from './history.ts'
import { summarize } from './load.ts'
import type { Recording } from './record.ts'
import { type Language, WORDS, type Words } from './words.ts'

export const REPORT_COLUMNS = 100
const TIME_COLUMNS = 9
const LEFT_COLUMNS = 46
const RIGHT_COLUMNS = REPORT_COLUMNS - TIME_COLUMNS - LEFT_COLUMNS - 4
/** Sending times listed for one cause; of more the number is given. */
const TIMES_LISTED_MAX = 24

export interface Action {
  readonly kind: 'delete' | 'roll'
  /** `namespace/name` of the pod deleted. */
  readonly pod?: string
  /** ms since 1970. */
  readonly at: number
  readonly recording: Recording
}

export interface AppReport {
  readonly name: string
  readonly about: string
  readonly actions: readonly Action[]
}

export interface Style {
  readonly language: Language
  readonly colors: boolean
}

type Colors = ReturnType<typeof pc.createColors>

interface Pen {
  readonly words: Words
  readonly colors: Colors
}

const penOf = ({ language, colors }: Style): Pen => ({ words: WORDS[language], colors: pc.createColors(colors) })

export function headText(style: Style, replicas: number, rate: number): string {
  const { words, colors } = penOf(style)
  return `${[colors.bold(words.title), ...wrap(words.intro(replicas, rate), REPORT_COLUMNS)].join('\n')}\n`
}

/** Everything about one app. */
export function appText(app: AppReport, style: Style): string {
  const pen = penOf(style)
  const head = `── ${app.name} ── ${app.about} `
  const lines = ['', pen.colors.bold(head + '─'.repeat(Math.max(REPORT_COLUMNS - width(head), 0)))]
  for (const action of app.actions) lines.push('', ...actionLines(action, pen))
  return `${lines.join('\n')}\n`
}

function actionLines(action: Action, pen: Pen): readonly string[] {
  const { words, colors } = pen
  const title = action.kind === 'delete' ? words.deletePod(shortPod(action.pod ?? '')) : words.roll
  const marks = marksOf(action)
  return [
    colors.bold(title),
    colors.dim(row(padLeft('ms', TIME_COLUMNS - 2), words.kubelet, words.routing)),
    ...timeline(action, marks, pen),
    ...legend(marks).map((line) => colors.dim(line)),
    ...lossLines(action, pen),
  ]
}

/** In a roll several pods end: a, b, c in the order of their deletions. */
function marksOf(action: Action): ReadonlyMap<string, string> {
  const ends = podEnds(action.recording)
  if (action.kind === 'delete') return new Map()
  return new Map(ends.map((end, i) => [`pod ${end.pod}`, String.fromCharCode(97 + (i % 26))]))
}

function legend(marks: ReadonlyMap<string, string>): readonly string[] {
  if (marks.size === 0) return []
  return wrap([...marks].map(([object, mark]) => `${mark}: ${shortPod(object)}`).join('  '), REPORT_COLUMNS - 2).map(
    (line) => `  ${line}`,
  )
}

function row(time: string, left: string, right: string): string {
  return `${pad(time, TIME_COLUMNS)} ${pad(fit(left, LEFT_COLUMNS), LEFT_COLUMNS)} │ ${fit(right, RIGHT_COLUMNS)}`.trimEnd()
}

function timeline(action: Action, marks: ReadonlyMap<string, string>, pen: Pen): readonly string[] {
  const lines: string[] = []
  const preStops = new Map<string, number>()
  for (const event of action.recording.events) {
    if (event.at < action.at - 1) continue
    if (event.step === 'prestop-started') preStops.set(event.object, event.at)
    const entry = entryOf(event, preStops, pen)
    if (!entry) continue
    const mark = marks.get(event.object)
    const text = mark ? `${mark}  ${entry.text}` : marks.size > 0 ? `   ${entry.text}` : entry.text
    const time = padLeft((event.at - action.at).toFixed(1), TIME_COLUMNS - 2)
    lines.push(entry.side === 'left' ? row(time, text, '') : row(time, '', text))
  }
  return lines
}

interface Entry {
  readonly side: 'left' | 'right'
  readonly text: string
}

const left = (text: string): Entry => ({ side: 'left', text })
const right = (text: string): Entry => ({ side: 'right', text })

/** What a step is called in the timeline; undefined for steps that it leaves out. */
function entryOf(event: EbbTraceEvent, preStops: ReadonlyMap<string, number>, { words }: Pen): Entry | undefined {
  const { step, detail = {} } = event
  if (step === 'delete-marked') return left(words.marked(Number(detail.grace ?? 0)))
  if (step === 'delete-seen') return left(words.seen)
  if (step === 'prestop-started') return left(words.preStop)
  if (step === 'prestop-ended')
    return left(words.preStopDone((event.at - (preStops.get(event.object) ?? event.at)).toFixed(0)))
  if (step === 'signal-sent') return left(words.signal(String(detail.signal), String(detail.pid ?? '')))
  if (step === 'container-exited') return left(words.exited(Number(detail.code), meaningOf(Number(detail.code), words)))
  if (step === 'delete-removed') return left(words.removed)
  if (step === 'pod-ready') return left(words.ready)
  if (step === 'endpoint-added') return right(words.added)
  if (step === 'endpoint-terminating') return right(words.terminating(detail.serving === true))
  if (step === 'endpoint-removed') return right(words.endpointGone)
  if (step === 'rules-changed') return right(words.rules(backendsOf(event).length))
  return undefined
}

function meaningOf(code: number, words: Words): string {
  if (code === 0) return words.endedBy.clean
  if (code === 143) return words.endedBy.term
  return code === 137 ? words.endedBy.kill : words.endedBy.error
}

function lossLines(action: Action, pen: Pen): readonly string[] {
  const { words, colors } = pen
  const { requests, lost, p50, p99, sentLateMax } = summarize(action.recording.requests)
  const late = sentLateMax > 50 ? ` ${words.senderLate(sentLateMax.toFixed(0))}` : ''
  const load = colors.dim(words.load(requests, p50.toFixed(1), p99.toFixed(1)) + late)
  if (lost === 0) return [`  ${colors.green(words.noneLost(requests))}`, `  ${load}`]
  const lines = [`  ${colors.red(words.lost(lost, requests))}`]
  for (const [cause, losses] of byCause(classify(action.recording))) {
    const outcomes = cause === 'unknown' ? `: ${outcomesOf(losses)}` : ''
    const guess = cause === 'unknown' || losses.every((loss) => loss.sure) ? '' : ` (${words.unsure})`
    lines.push(`    ${losses.length} ${words.cause[cause]}${outcomes}${guess}`)
    const times = losses.slice(0, TIMES_LISTED_MAX).map(({ request }) => signed(request.sentAt - action.at))
    const more = losses.length > TIMES_LISTED_MAX ? ` ${words.more(losses.length - TIMES_LISTED_MAX)}` : ''
    for (const line of wrap(`${words.sentAt} ${times.join(' ')}${more}`, REPORT_COLUMNS - 6))
      lines.push(colors.dim(`      ${line}`))
  }
  return [...lines, `  ${load}`]
}

const outcomesOf = (losses: readonly Loss[]) =>
  [...new Set(losses.map(({ request: { outcome, error } }) => (error ? `${outcome} (${error})` : outcome)))].join(', ')
const signed = (ms: number) => (ms < 0 ? ms.toFixed(1) : `+${ms.toFixed(1)}`)
const shortPod = (pod: string) => pod.slice(pod.indexOf('/') + 1)

function byCause(losses: readonly Loss[]): readonly (readonly [LossCause, readonly Loss[]])[] {
  const found = new Map<LossCause, Loss[]>()
  for (const loss of losses) {
    const known = found.get(loss.cause)
    if (known) known.push(loss)
    else found.set(loss.cause, [loss])
  }
  return [...found].sort((a, b) => b[1].length - a[1].length)
}

/** One sentence about all apps, of what was seen. */
export function verdictText(apps: readonly AppReport[], style: Style): string {
  const { words, colors } = penOf(style)
  const parts = apps.map((app) => appVerdict(app, words))
  const sentence = `${words.verdict}: ${parts.join('; ')}.`
  return `\n${wrap(sentence, REPORT_COLUMNS).map(colors.bold).join('\n')}\n`
}

function appVerdict(app: AppReport, words: Words): string {
  const requests = app.actions.reduce((sum, action) => sum + action.recording.requests.length, 0)
  const losses = app.actions.flatMap((action) => classify(action.recording))
  if (losses.length === 0) return words.verdictNone(app.name, requests) + servedOn(app, words)
  const why = byCause(losses).map(([cause, of]) => words.because(of.length, words.cause[cause]))
  return words.verdictLost(app.name, losses.length, requests, listed(why, words.and))
}

function listed(parts: readonly string[], and: string): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')}${and}${parts.at(-1)}`
}

/** The least time that a program lived after the last rule that named it; said when all of them did. */
function servedOn(app: AppReport, words: Words): string {
  const ends = app.actions.flatMap((action) => podEnds(action.recording))
  const margins = ends.map((end) => (end.exitedAt ?? Number.NaN) - (end.rulesWithoutAt ?? Number.NaN))
  const least = Math.min(...margins)
  return margins.length > 0 && least > 0 ? words.preStopOutlived(least.toFixed(0)) : ''
}
