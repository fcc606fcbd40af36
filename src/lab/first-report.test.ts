import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { EbbTraceEvent } from '../api/trace-steps.ts'
import { SeededRandom } from '../base/random.ts'
import type { SimProgram } from '../kubelet/runtimes/simulated.ts'
import { drain } from '../sim/drain.node.ts'
import { simHttpClient } from '../sim/sim-services.ts'
import { startWorld } from '../sim/world.ts'
import { classify } from './classify.ts'
import { runFirstReport } from './first-report.ts'
import { podEnds } from './history.ts'
import { isLost } from './load.ts'
import type { AppReport } from './report.ts'

const folder = fileURLToPath(new URL('../../examples/first-report', import.meta.url))
const samples = readdirSync(folder)
  .sort()
  .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))

const http: SimProgram['http'] = { port: 8080, status: () => 200 }
/** Of the two samples only the careful one survives TERM; it is the one whose manifest says so. */
const echo = { onSignal: { SIGTERM: { exit: 0, afterMs: 1000 } }, http, startDelayMs: 150 }
const careless = { onSignal: { SIGTERM: { exit: 143 } }, http, startDelayMs: 150 }

/** Everything of production but the machine: API server, controllers, scheduler, kubelet, proxy and its rules, lab. */
async function play(seed: number): Promise<{ reports: readonly AppReport[]; text: string; seconds: number }> {
  const world = await startWorld({
    seed,
    drain,
    programs: { 'ebb/echo:careless': careless, 'ebb/echo:careful': echo },
  })
  const { clock, client } = world
  const node = [...world.nodes.values()][0]
  if (!node) throw new Error('no node')
  const random = new SeededRandom(seed)
  let text = ''
  const startedAt = clock.now()
  const reports = await world.through(
    runFirstReport({
      client,
      clock,
      random,
      httpClientFactory: ({ host, port }) =>
        simHttpClient({ clock, random, runtime: node.runtime, dataplane: node.dataplane, host, port, workMs: 60 }),
      // As from a node: a little late, several at once.
      trace: (sink) => {
        let told = world.trace.length
        const tell = () => {
          for (; told < world.trace.length; told++) sink(world.trace[told] as EbbTraceEvent)
          timer = clock.setTimer(5, tell)
        }
        let timer = clock.setTimer(5, tell)
        return () => timer.cancel()
      },
      print: (more) => {
        text += more
      },
      style: { language: 'en', colors: false },
      samples: samples.map((sample, i) =>
        sample.replace('image: ebb/echo', `image: ebb/echo:${i === 0 ? 'careless' : 'careful'}`),
      ),
    }),
    120_000,
  )
  const seconds = (clock.now() - startedAt) / 1000
  await world.close()
  return { reports, text, seconds }
}

describe('first report, in virtual time', () => {
  it('[LR2] the careless app loses what its pods had in hand, the careful one nothing; each request counts once', async () => {
    const { reports, text, seconds } = await play(3)
    expect(reports.map((app) => [app.name, app.actions.map((action) => action.kind)])).toEqual([
      ['careless', ['delete', 'roll']],
      ['careful', ['delete', 'roll']],
    ])
    expect(seconds).toBeLessThan(40)
    const losses = reports.map((app) => app.actions.flatMap((action) => classify(action.recording)))
    expect(losses[0]?.length).toBeGreaterThan(4)
    expect(losses[1]).toEqual([])
    for (const loss of losses[0] ?? []) expect(['in-flight-at-exit', 'stopped-listening']).toContain(loss.cause)
    for (const app of reports) {
      const requests = app.actions.flatMap((action) => action.recording.requests)
      const numbers = requests.map((request) => request.number)
      expect(new Set(numbers).size).toBe(numbers.length)
      expect(Math.max(...numbers) - Math.min(...numbers) + 1).toBe(numbers.length)
      const lost = requests.filter(isLost).length || 'none'
      expect(text.replace(/\n/g, ' ')).toContain(`the ${app.name} app lost ${lost} of ${numbers.length}`)
      const ends = app.actions.flatMap((action) => podEnds(action.recording))
      expect(ends).toHaveLength(4)
      for (const end of ends) {
        expect(end.rulesWithoutAt, 'the rules lose the pod').toBeGreaterThan(end.markedAt)
        expect(end.exits.map((exit) => exit.code)).toEqual([app.name === 'careless' ? 143 : 0])
      }
    }
    expect(text).toContain('preStop ended after 2000 ms')
  })

  it('[LR2] the same seed gives the same report', async () => {
    expect((await play(5)).text).toBe((await play(5)).text)
  })
})
