import { SeededRandom } from '../../base/random.ts'
import { drain } from '../../sim/drain.node.ts'
import { SimClock } from '../../sim/sim-clock.ts'
import { type ContractProgram, type RuntimeBench, runtimeContract } from './contract.ts'
import { SimulatedRuntime } from './simulated.ts'

async function make(): Promise<RuntimeBench> {
  const clock = new SimClock({ drain })
  const programs: ContractProgram[] = []
  const runtime = new SimulatedRuntime({
    clock,
    random: new SeededRandom(1),
    program: (image) => programs[Number(image)]?.simulated,
  })
  return {
    runtime,
    now: () => clock.now(),
    logDirectory: '/logs',
    config: (program) => ({ image: String(programs.push(program) - 1), command: [] }),
    lines: ({ id }) => runtime.output(id).map(({ line }) => line),
    async settle(promise) {
      let settled = false
      const note = () => {
        settled = true
      }
      promise.then(note, note)
      while (!settled) {
        await clock.run({ maxTasks: 1 })
        if (!settled && clock.nextDue() === undefined) await promise
      }
      return promise
    },
    async reopen() {
      runtime.forgetStops()
      return runtime
    },
    close: async () => {},
  }
}

runtimeContract('simulated', make)
