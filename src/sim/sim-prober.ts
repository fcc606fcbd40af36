/** Probes into simulated pods: the programs say what they answer. */
import type { Clock } from '../base/clock.ts'
import type { Prober } from '../kubelet/prober.ts'
import type { SimulatedRuntime } from '../kubelet/runtimes/simulated.ts'

/** Time of one answer, in ms: none comes in the instant of its question. */
const ANSWER_MS = 1

export function simProber(runtime: SimulatedRuntime, clock: Clock): Prober {
  const pause = () => new Promise<void>((resolve) => clock.setTimer(ANSWER_MS, resolve))
  return {
    async http({ host, port, path }) {
      await pause()
      const status = runtime.http(host, port, path)
      if (status !== undefined) return { status, body: '' }
      throw new Error(`Get "http://${host}:${port}${path}": dial tcp ${host}:${port}: connect: connection refused`)
    },
    async tcp(host, port) {
      await pause()
      if (runtime.http(host, port, '/') === undefined)
        throw new Error(`dial tcp ${host}:${port}: connect: connection refused`)
    },
    async grpc({ host, port, service }) {
      await pause()
      return runtime.http(host, port, `/${service}`) === 200 ? 'SERVING' : 'NOT_SERVING'
    },
  }
}
