/** One cluster for all tests of a file, and a shell for it. Both are there once the hooks of `useCluster` have run. */
import { afterAll, beforeAll, type TestContext } from 'vitest'
import { type StartedCluster, startCluster } from '../tools/golden/cluster.mjs'
import { Shell } from './shell.ts'

export let cluster: StartedCluster
export let shell: Shell

/** Call it before hooks that need them. Pods can be made at once: their service account is waited for. */
export function useCluster(options: Parameters<typeof startCluster>[0] = {}): void {
  beforeAll(async () => {
    cluster = await startCluster(options)
    shell = new Shell(cluster.kubeconfig)
    await shell.until('kubectl get serviceaccount default', (ran) => ran.code === 0)
  })
  afterAll(async () => {
    shell?.close()
    await cluster?.stop()
  })
}

/** Skips what needs mounts or a PID namespace of a pod's own, where the node says that its containers have none. */
export function needsBubblewrap(context: TestContext): void {
  if (/degraded: bubblewrap/.test(cluster.output())) context.skip('bubblewrap is not installed, or does not work here')
}

/** Makes a pod that ends quickly; `spec` is indented by two blanks. */
export const makePod = (name: string, spec: string): Promise<string> =>
  shell.apply(
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {tier: web}}\nspec:\n  terminationGracePeriodSeconds: 1\n${spec}`,
  )

export const becomesReady = (name: string, seconds = 60): Promise<string> =>
  shell.ok(`kubectl wait --for=condition=Ready pod/${name} --timeout=${seconds}s`)

/** The command that prints a pod's events, `Reason: message` each. */
export const eventsOf = (name: string): string =>
  `kubectl get events --field-selector involvedObject.name=${name} -o jsonpath='{range .items[*]}{.reason}: {.message}{"\\n"}{end}'`
