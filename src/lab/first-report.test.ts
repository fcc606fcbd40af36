import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../base/random.ts'
import { pods } from '../client/resources.ts'
import { startTestCluster, type TestCluster } from '../sim/test-cluster.ts'
import { runFirstReport } from './first-report.ts'
import type { HttpClient } from './load.ts'
import { isLost } from './load.ts'

const folder = fileURLToPath(new URL('../../examples/first-report', import.meta.url))
const samples = readdirSync(folder)
  .sort()
  .map((name) => readFileSync(`${folder}/${name}`, 'utf8'))

/** The whole report against real API server and controllers, a stand-in for the kubelet, and a Service that a model answers for. */
describe('first report, in virtual time', () => {
  let cluster: TestCluster
  beforeEach(async () => {
    cluster = await startTestCluster({ startMs: 300, endMs: 700 })
  })
  afterEach(() => cluster.close())

  /** Answers in 10 ms, but resets whatever is under way in the 20 ms after a pod began to end. */
  function service(): HttpClient {
    const { clock } = cluster
    return {
      send: () =>
        new Promise((resolve) => {
          const sentAt = clock.now()
          clock.setTimer(10, () => {
            const hit = cluster.traced.some(
              ({ step, at }) => step === 'endpoint-terminating' && at >= sentAt && at < sentAt + 10,
            )
            resolve({ outcome: hit ? 'reset' : 'ok', reused: false })
          })
        }),
      close() {},
    }
  }

  it('[LR2] deletes a pod, rolls the Deployment, counts every request once, and ends', async () => {
    const { client, clock } = cluster
    let text = ''
    let over = false
    const report = runFirstReport({
      client,
      clock,
      random: new SeededRandom(3),
      httpClientFactory: service,
      print: (more) => {
        text += more
      },
      style: { language: 'en', colors: false },
      samples,
    }).finally(() => {
      over = true
    })
    report.catch(() => {})
    const startedAt = clock.now()
    while (!over && clock.now() - startedAt < 60_000) await clock.advance(50)
    const reports = await report
    expect(reports.map((app) => [app.name, app.actions.map((action) => action.kind)])).toEqual([
      ['careless', ['delete', 'roll']],
      ['careful', ['delete', 'roll']],
    ])
    expect((clock.now() - startedAt) / 1000).toBeLessThan(40)
    for (const app of reports) {
      const numbers = app.actions.flatMap((action) => action.recording.requests.map((request) => request.number))
      expect(new Set(numbers).size).toBe(numbers.length)
      expect(Math.max(...numbers) - Math.min(...numbers) + 1).toBe(numbers.length)
      const lost = app.actions.flatMap((action) => action.recording.requests.filter(isLost))
      expect(lost.length).toBeGreaterThan(0)
      expect(text.replace(/\n/g, ' ')).toContain(
        `the ${app.name} app lost ${lost.length} of ${numbers.length} requests`,
      )
    }
    expect(text).toContain('endpoint terminating')
    expect((await client.list(pods, { namespace: 'default' })).items).toHaveLength(6)
    expect(cluster.failures).toEqual([])
  })
})
