/** How pods live, in virtual time: starts, restarts, probes, hooks, images, as their statuses and events tell it. */
import { afterEach, expect, it } from 'vitest'
import type { Container, ContainerState, Pod, PodSpec } from '../api/types/core-v1.gen.ts'
import { configMaps, events, pods } from '../client/resources.ts'
import { drain } from './drain.node.ts'
import { startWorld, type World, type WorldOptions } from './world.ts'

let world: World
afterEach(() => world.close())

/** Makes a world with one pod `p` in it and lets `ms` pass. */
async function live(spec: PodSpec, programs: WorldOptions['programs'], ms: number): Promise<void> {
  world = await startWorld({ seed: 1, drain, programs })
  const metadata = { namespace: 'default', name: 'p' }
  await world.through(world.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec }))
  await world.advance(ms)
}

const app = (more: Partial<Container> = {}): Container => ({ name: 'app', image: 'app:1', ...more })
const pod = () => world.pod('default/p') as Pod

function stateText(state: ContainerState | undefined): string {
  const { running, waiting, terminated } = state ?? {}
  if (running) return 'running'
  return terminated ? `terminated ${terminated.exitCode} ${terminated.reason}` : `waiting ${waiting?.reason}`
}

/** What the container's status went through: `ms state restarts`, and whether ready or started, without repetitions. */
function story(name = 'app'): string[] {
  const lines: string[] = []
  const zeroMs = world.changes[0]?.atMs ?? 0
  for (const { atMs, pod: seen } of world.changes) {
    const all = [...(seen.status?.initContainerStatuses ?? []), ...(seen.status?.containerStatuses ?? [])]
    const status = all.find((s) => s.name === name)
    if (!status) continue
    const flags = `${status.started ? ' started' : ''}${status.ready ? ' ready' : ''}`
    const line = `${stateText(status.state)} x${status.restartCount}${flags}`
    if (!lines.at(-1)?.endsWith(`: ${line}`)) lines.push(`${atMs - zeroMs}: ${line}`)
  }
  return lines
}

async function eventTexts(): Promise<string[]> {
  const { items } = await world.through(world.client.list(events, { namespace: 'default' }))
  return items
    .filter((event) => event.involvedObject.kind === 'Pod' && event.reason !== 'Scheduled')
    .map(({ type, reason, message, count = 1 }) => `${type} ${reason}: ${message}${count > 1 ? ` x${count}` : ''}`)
}

it('[PL3] a crashing container restarts at once, then after 10 s, 20 s, 40 s', async () => {
  await live({ containers: [app()] }, { 'app:1': { exitAfterMs: 100, exitCode: 1 } }, 75_000)
  const starts = world.trace.filter((e) => e.step === 'container-started').map((e) => e.at)
  const exits = world.trace.filter((e) => e.step === 'container-exited').map((e) => e.at)
  expect(starts.slice(1).map((at, i) => at - (exits[i] ?? 0))).toEqual([0, 10_000, 20_000, 40_000])
  const uid = pod().metadata.uid
  expect(pod().status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 4,
    ready: false,
    started: false,
    state: {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: `back-off 1m20s restarting failed container=app pod=p_default(${uid})`,
      },
    },
    lastState: { terminated: { exitCode: 1, reason: 'Error' } },
  })
  expect(await eventTexts()).toContain(
    `Warning BackOff: Back-off restarting failed container app in pod p_default(${uid}) x4`,
  )
})

it('[PS7] the end of a life is shown before the next begins', async () => {
  await live(
    { containers: [app()] },
    { 'app:1': (attempt) => (attempt ? {} : { exitAfterMs: 100, exitCode: 1 }) },
    1000,
  )
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '0: running x0 started ready',
    '100: terminated 1 Error x0',
    '100: running x1 started ready',
  ])
  expect(pod().status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 1, reason: 'Error' })
})

it('[PR1] startup, then readiness and liveness; [PL5] liveness ends the container with its own grace', async () => {
  const check = (path: string) => ({ httpGet: { path, port: 80 }, periodSeconds: 1, failureThreshold: 2 })
  await live(
    {
      containers: [
        app({
          startupProbe: { ...check('/started'), failureThreshold: 30 },
          readinessProbe: check('/ready'),
          livenessProbe: { ...check('/alive'), terminationGracePeriodSeconds: 3 },
        }),
      ],
    },
    {
      'app:1': {
        onSignal: { SIGTERM: 'ignore' },
        http: {
          port: 80,
          status: (path, ms) =>
            path === '/started' ? (ms < 2500 ? 500 : 200) : path === '/ready' ? 200 : ms < 6000 ? 200 : 503,
        },
      },
    },
    12_000,
  )
  // Startup passes at its fourth probe, 3 s after the first, which comes at once; liveness (half a second later) fails twice
  // after 6 s, then come 3 s of grace.
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '0: running x0',
    '3001: running x0 started',
    '3002: running x0 started ready',
    '10002: terminated 137 Error x0',
    '10002: running x1',
  ])
  const signals = world.trace.filter((e) => e.step === 'signal-sent')
  expect(signals.map((e) => e.detail?.signal)).toEqual(['SIGTERM', 'SIGKILL'])
  expect((signals[1]?.at ?? 0) - (signals[0]?.at ?? 0)).toBe(3000)
  expect(await eventTexts()).toEqual(
    expect.arrayContaining([
      'Warning Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 500 x5',
      'Warning Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 503 x2',
      'Normal Killing: Container app failed liveness probe, will be restarted',
    ]),
  )
})

it('[PR4] a probe by gRPC fails for a service that does not serve, and ends its container', async () => {
  const livenessProbe = { grpc: { port: 50051, service: 'cart' }, periodSeconds: 1, failureThreshold: 2 }
  const http = { port: 50051, status: (path: string, ms: number) => (path === '/cart' && ms < 3000 ? 200 : 503) }
  await live(
    { containers: [app({ livenessProbe })], terminationGracePeriodSeconds: 1 },
    { 'app:1': { onSignal: { SIGTERM: { exit: 0 } }, http } },
    6000,
  )
  expect(pod().status?.containerStatuses?.[0]?.restartCount).toBe(1)
  expect(await eventTexts()).toContain(
    'Warning Unhealthy: Liveness probe failed: service unhealthy (responded with "NOT_SERVING") x2',
  )
})

it('[PR2] readiness comes and goes by its thresholds; the pod is Ready accordingly', async () => {
  const readinessProbe = { exec: { command: ['check'] }, periodSeconds: 1, successThreshold: 2, failureThreshold: 3 }
  await live(
    { containers: [app({ readinessProbe })] },
    { 'app:1': { commands: { check: { exitCode: (ms) => (ms >= 5000 && ms < 9000 ? 1 : 0), stderr: 'no' } } } },
    15_000,
  )
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '0: running x0 started',
    '1050: running x0 started ready',
    '7050: running x0 started',
    '10050: running x0 started ready',
  ])
  expect(await eventTexts()).toContain('Warning Unhealthy: Readiness probe failed: no x4')
})

it('[PS6] while postStart runs the container shows as being created; [PL5] a failed one restarts it', async () => {
  const lifecycle = { postStart: { exec: { command: ['hook'] } } }
  await live(
    { containers: [app({ lifecycle })], terminationGracePeriodSeconds: 2 },
    {
      'app:1': (attempt) => ({
        onSignal: { SIGTERM: { exit: 0 } },
        commands: { hook: { exitCode: attempt ? 0 : 1, takesMs: 500, stderr: 'no' } },
      }),
    },
    5000,
  )
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '500: waiting PostStartHookError x0',
    '1000: running x1 started ready',
  ])
  expect(await eventTexts()).toEqual(
    expect.arrayContaining([
      'Warning FailedPostStartHook: PostStartHook failed',
      'Normal Killing: FailedPostStartHook',
    ]),
  )
  const shown = world.changes.map((c) => c.pod.status?.containerStatuses?.[0]?.state?.waiting)
  const pod = `p_default(${world.pod('default/p')?.metadata.uid})`
  expect(shown.find((waiting) => waiting?.reason === 'PostStartHookError')?.message).toBe(
    `Exec lifecycle hook ([hook]) for Container "app" in Pod "${pod}" failed - error: command 'hook' exited with 1: no, message: "no"`,
  )
})

it('[PS6] what a failed postStart said is shown until the next result, also while the next try fails', async () => {
  const lifecycle = { postStart: { exec: { command: ['hook'] } }, preStop: { sleep: { seconds: 1 } } }
  const hook = { exitCode: 32, takesMs: 500, stderr: 'cannot mount' }
  await live(
    { containers: [app({ lifecycle })], terminationGracePeriodSeconds: 3 },
    { 'app:1': { onSignal: { SIGTERM: { exit: 0 } }, commands: { hook } } },
    20_000,
  )
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '1500: waiting PostStartHookError x0',
    '3000: waiting PostStartHookError x1',
    '3000: waiting CrashLoopBackOff x1',
    '14500: waiting PostStartHookError x2',
    '14500: waiting CrashLoopBackOff x2',
  ])
})

it('[PS6] a program that ends during its postStart: the hook has failed', async () => {
  const lifecycle = { postStart: { exec: { command: ['hook'] } } }
  await live(
    { containers: [app({ lifecycle })] },
    {
      'app:1': (attempt) => ({
        ...(attempt ? {} : { exitAfterMs: 100, exitCode: 3 }),
        commands: { hook: { exitCode: 0, takesMs: 500 } },
      }),
    },
    1000,
  )
  expect(await eventTexts()).toEqual(
    expect.arrayContaining([
      'Warning FailedPostStartHook: PostStartHook failed',
      'Normal Killing: FailedPostStartHook',
    ]),
  )
  const shown = world.changes.map((c) => c.pod.status?.containerStatuses?.[0])
  expect(shown.find((s) => s?.state?.waiting?.reason === 'PostStartHookError')?.lastState).toMatchObject({
    terminated: { exitCode: 3, reason: 'Error' },
  })
})

it('an image that is not there: ErrImagePull, then ImagePullBackOff, again after 10 s and 20 s', async () => {
  await live({ containers: [app({ image: 'missing:1' })] }, {}, 31_500)
  expect(story()).toEqual([
    '0: waiting ContainerCreating x0',
    '0: waiting ErrImagePull x0',
    '1000: waiting ImagePullBackOff x0',
    '10000: waiting ErrImagePull x0',
    '11000: waiting ImagePullBackOff x0',
    '30000: waiting ErrImagePull x0',
    '31000: waiting ImagePullBackOff x0',
  ])
  expect((await eventTexts()).sort()).toEqual([
    'Normal BackOff: Back-off pulling image "missing:1" x3',
    'Normal Pulling: Pulling image "missing:1" x3',
    'Warning Failed: Error: ErrImagePull x3',
    'Warning Failed: Error: ImagePullBackOff x3',
    'Warning Failed: Failed to pull image "missing:1": there is no program for the image "missing:1" x3',
  ])
  expect(pod().status?.phase).toBe('Pending')
})

it('a config map that is missing: CreateContainerConfigError until it is there', async () => {
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'a' } } }]
  await live({ containers: [app({ env })] }, { 'app:1': {} }, 1000)
  expect(pod().status?.containerStatuses?.[0]?.state?.waiting).toEqual({
    reason: 'CreateContainerConfigError',
    message: 'configmap "cm" not found',
  })
  const metadata = { namespace: 'default', name: 'cm' }
  await world.through(
    world.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } }),
  )
  await world.advance(15_000)
  expect(pod().status?.phase).toBe('Running')
  expect(await eventTexts()).toContain('Warning Failed: Error: configmap "cm" not found')
})

it('an explicit root that may not be: CreateContainerConfigError', async () => {
  await live({ containers: [app({ securityContext: { runAsNonRoot: true, runAsUser: 0 } })] }, { 'app:1': {} }, 1000)
  expect(pod().status?.containerStatuses?.[0]?.state?.waiting).toEqual({
    reason: 'CreateContainerConfigError',
    message: `container's runAsUser breaks non-root policy (pod: "p_default(${pod().metadata.uid})", container: app)`,
  })
})

it('a command that cannot be executed: StartError 128, then back-off', async () => {
  await live(
    { containers: [app()] },
    { 'app:1': { startError: 'exec: "nope": executable file not found in $PATH' } },
    5000,
  )
  expect(pod().status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 1,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: {
      terminated: { exitCode: 128, reason: 'StartError', message: 'exec: "nope": executable file not found in $PATH' },
    },
  })
})

it('[PL2] init containers one after the other; a failing one is tried again', async () => {
  const init = (name: string) => ({ name, image: `${name}:1` })
  await live(
    { initContainers: [init('i1'), init('i2')], containers: [app()] },
    {
      'i1:1': (attempt) => ({ exitAfterMs: 1000, exitCode: attempt ? 0 : 1 }),
      'i2:1': { exitAfterMs: 500 },
      'app:1': {},
    },
    10_000,
  )
  expect(story('i1').at(-1)).toBe('2000: terminated 0 Completed x1 ready')
  expect(story('i2').slice(-2)).toEqual(['2000: running x0 started', '2500: terminated 0 Completed x0 ready'])
  expect(story('app')).toEqual(['0: waiting PodInitializing x0', '2500: running x0 started ready'])
  const initialized = pod().status?.conditions?.find((c) => c.type === 'Initialized')
  expect(initialized?.status).toBe('True')
})

it('a new image restarts the container', async () => {
  await live({ containers: [app()] }, { 'app:1': { onSignal: { SIGTERM: { exit: 0 } } }, 'app:2': {} }, 1000)
  const ref = { namespace: 'default', name: 'p' }
  await world.through(world.client.patch(pods, ref, { spec: { containers: [{ name: 'app', image: 'app:2' }] } }))
  await world.advance(1000)
  expect(pod().status?.containerStatuses?.[0]).toMatchObject({ image: 'app:2', restartCount: 1, ready: true })
  expect(await eventTexts()).toContain('Normal Killing: Container app definition changed, will be restarted')
})

it('[PE10] a node process that crashes and comes back adopts what runs, and restarts nothing', async () => {
  await live({ containers: [app()] }, { 'app:1': {} }, 1000)
  const node = world.nodes.get('node-1')
  const before = pod().status
  await world.through(node?.crash() ?? Promise.resolve())
  await world.advance(5000)
  await world.through(node?.restart() ?? Promise.resolve())
  await world.advance(5000)
  expect(world.trace.filter((e) => e.step === 'container-started')).toHaveLength(1)
  expect(pod().status?.containerStatuses).toEqual(before?.containerStatuses)
  expect(pod().status?.phase).toBe('Running')
})

it('a container that ended while no kubelet looked is restarted with the right count', async () => {
  await live(
    { containers: [app()] },
    { 'app:1': (attempt) => (attempt ? {} : { exitAfterMs: 3000, exitCode: 7 }) },
    1000,
  )
  const node = world.nodes.get('node-1')
  await world.through(node?.crash() ?? Promise.resolve())
  await world.advance(5000)
  await world.through(node?.restart() ?? Promise.resolve())
  await world.advance(5000)
  expect(pod().status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 1,
    ready: true,
    lastState: { terminated: { exitCode: 7 } },
  })
})

/** The node's machine goes down with everything on it, and comes back. */
async function reboot(): Promise<void> {
  const node = world.nodes.get('node-1')
  if (!node) return
  await world.through(node.crash())
  for (const { id } of await node.runtime.listSandboxes()) await node.runtime.removeSandbox(id)
  await world.advance(5000)
  await world.through(node.restart())
  await world.advance(5000)
}

it('after a reboot of the machine, containers that are lost are restarted, as the API remembers them', async () => {
  await live({ containers: [app()] }, { 'app:1': {} }, 1000)
  await reboot()
  expect(pod().status?.phase).toBe('Running')
  expect(pod().status?.containerStatuses?.[0]).toMatchObject({
    restartCount: 1,
    ready: true,
    lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } },
  })
})

it('after a reboot, a pod with restartPolicy Never has failed', async () => {
  await live({ restartPolicy: 'Never', containers: [app()] }, { 'app:1': {} }, 1000)
  await reboot()
  expect(pod().status?.phase).toBe('Failed')
  expect(stateText(pod().status?.containerStatuses?.[0]?.state)).toBe('terminated 137 ContainerStatusUnknown')
})

it('[PE8] [PE14] a node that goes down waits for no postStart, not even of a deleted pod', async () => {
  const lifecycle = { postStart: { exec: { command: ['hang'] } } }
  await live(
    { terminationGracePeriodSeconds: 3, containers: [app({ lifecycle })] },
    { 'app:1': { onSignal: { SIGTERM: 'ignore' }, commands: { hang: { exitCode: 0, takesMs: 10_000_000 } } } },
    1000,
  )
  await world.through(world.client.delete(pods, { namespace: 'default', name: 'p' }))
  await world.advance(5000)
  expect(world.trace.filter((e) => e.step === 'signal-sent')).toEqual([])
  const sinceMs = world.clock.now()
  await world.through(world.nodes.get('node-1')?.shutDown() ?? Promise.resolve())
  expect(world.clock.now() - sinceMs).toBe(3000)
})

it('[PE14] a node that goes down ends its containers with their grace, and tells the API nothing', async () => {
  await live(
    { terminationGracePeriodSeconds: 3, containers: [app(), { name: 'b', image: 'b:1' }] },
    { 'app:1': { onSignal: { SIGTERM: 'ignore' } }, 'b:1': { onSignal: { SIGTERM: { exit: 0 } } } },
    1000,
  )
  const before = world.changes.length
  const sinceMs = world.clock.now()
  await world.through(world.nodes.get('node-1')?.shutDown() ?? Promise.resolve())
  expect(world.clock.now() - sinceMs).toBe(3000)
  expect(world.trace.filter((e) => e.step === 'container-exited').map((e) => e.detail?.code)).toEqual([0, 137])
  expect(world.changes.length).toBe(before)
})

it('a pod that the node does not take: Failed, with the reason, its containers never started, and gone at once when deleted', async () => {
  const securityContext = { sysctls: [{ name: 'kernel.msgmax', value: '1' }] }
  await live({ containers: [app()], securityContext, restartPolicy: 'Always' }, { 'app:1': {} }, 1000)
  expect(pod().status).toMatchObject({
    phase: 'Failed',
    reason: 'SysctlForbidden',
    message: 'Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted',
  })
  expect(world.trace.map((e) => e.step)).not.toContain('container-started')
  expect(await eventTexts()).toEqual(['Warning SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted'])
  await world.through(world.client.delete(pods, { namespace: 'default', name: 'p' }))
  await world.until(() => world.pod('default/p') === undefined, 2000)
})

it('root under runAsNonRoot: the container waits, and is tried again', async () => {
  await live({ containers: [app()], securityContext: { runAsNonRoot: true } }, { 'app:1': {} }, 15_000)
  const message = `container has runAsNonRoot and image will run as root (pod: "p_default(${pod().metadata.uid})", container: app)`
  expect(pod().status).toMatchObject({
    phase: 'Pending',
    containerStatuses: [{ state: { waiting: { reason: 'CreateContainerConfigError', message } } }],
  })
  expect(await eventTexts()).toContain(`Warning Failed: Error: ${message} x2`)
})

it('a seccomp profile that the node has not: CreateContainerError', async () => {
  const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } }
  await live({ containers: [app({ securityContext })] }, { 'app:1': {} }, 1000)
  expect(story()).toEqual(['0: waiting ContainerCreating x0', '0: waiting CreateContainerError x0'])
})

it('the groups of a program are shown as its runtime gives them', async () => {
  const securityContext = { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000, 3000] }
  await live({ containers: [app()], securityContext }, { 'app:1': {} }, 1000)
  const linux = { uid: 1000, gid: 3000, supplementalGroups: [3000, 2000, 4000] }
  expect(pod().status?.containerStatuses?.[0]?.user).toEqual({ linux })
})
