/**
 * The API benchmark of the reference data, several times over: for each phase the median per second, and what the server's processor
 * did for 1,000 requests, events or lists, which other work on the machine moves less. With another built ebb beside, the two take
 * turns, so that whatever the machine does meanwhile meets both.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startCluster } from './golden/cluster.mjs'

const [OBJECTS, WATCHERS] = ['2000', '50']
/** Lists that the phase `list-all` asks for; it does not say so itself. */
const LISTS = 10

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** `builds`: roots of built ebbs by name. Prints a line for each phase. */
export async function apiBench({ script, runs, builds }) {
  const names = Object.keys(builds)
  const measured = Object.fromEntries(names.map((name) => [name, []]))
  for (let i = 0; i < runs; i++)
    for (const name of i % 2 ? names.toReversed() : names) measured[name].push(await runOnce(script, builds[name]))
  for (const phase of Object.keys(measured[names[0]][0])) {
    const texts = names.map((name) => `${name} ${summary(measured[name].map((run) => run[phase]))}`)
    console.log(`api: ${phase.padEnd(16)} ${texts.join('   ')}  (${runs} runs)`)
  }
}

function summary(rows) {
  const [{ unit }] = rows
  const rate = median(rows.map(({ rate }) => rate)).toFixed(0)
  const p50 = median(rows.map(({ p50 }) => p50)).toFixed(1)
  const cpu = rows.every((row) => row.cpuMs > 0)
    ? `, ${median(rows.map((row) => row.cpuMs)).toFixed(0)} ms CPU/1000`
    : ''
  return `${rate.padStart(6)} ${unit}/s, p50 ${p50} ms${cpu}`
}

async function runOnce(script, root) {
  const cluster = await startCluster({ args: ['--no-node'], ebb: join(root, 'dist/ebb.mjs') })
  try {
    const phases = {}
    let before = processorMs(cluster.pid)
    const client = spawn(process.execPath, [script, cluster.url, cluster.token, OBJECTS, WATCHERS], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => client.on('exit', resolve))
    for await (const line of createInterface({ input: client.stdout })) {
      const now = processorMs(cluster.pid)
      const { phase, count, events, per_s, events_per_s, MB_per_s, p50_ms } = JSON.parse(line)
      const unit = MB_per_s ? 'MB' : events ? 'events' : 'requests'
      const cpuMs = ((now - before) / (count ?? events ?? LISTS)) * 1000
      phases[phase] = { rate: per_s ?? events_per_s ?? MB_per_s, unit, p50: p50_ms, cpuMs }
      before = now
    }
    const status = await ended
    if (status !== 0) throw new Error(`the API benchmark ended with ${status}`)
    return phases
  } finally {
    await cluster.stop()
  }
}

/** Ms of processor that a process has used, in all its threads; 0 where the system does not tell. */
function processorMs(pid) {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return 0
  let ns = 0
  for (const thread of readdirSync(folder))
    try {
      ns += Number(readFileSync(join(folder, thread, 'schedstat'), 'utf8').split(' ', 1)[0])
    } catch {
      // It ended while we looked.
    }
  return ns / 1e6
}
