/** Endings of pods that are deleted while their kubelet still starts or replaces a container: [PE8]. */
import { app, type Ending, exec, quick, stubborn } from './endings-table.ts'

export const ENDINGS_IN_A_PASS: readonly Ending[] = [
  {
    name: 'deleted while postStart runs: the end begins after it, with the whole grace; the container after it has started',
    spec: {
      terminationGracePeriodSeconds: 3,
      containers: [app({ lifecycle: { postStart: exec('hook') } }), { name: 'b', image: 'b:1' }],
    },
    programs: { 'app:1': { ...stubborn, commands: { hook: { exitCode: 0, takesMs: 2000 } } }, 'b:1': quick },
    deletes: [{ atMs: 500 }],
    steps: ['1500 SIGTERM app', '1500 SIGTERM b', '1500 exit b 0', '4500 SIGKILL app', '4500 exit app 137'],
    phase: 'Failed',
    states: ['app 137 Error', 'b 0 Completed'],
    events: ['Killing: Stopping container app', 'Killing: Stopping container b'],
    goneAtMs: 4500,
  },
  {
    name: 'forced while postStart runs: the object goes at once, the program after the hook',
    spec: { containers: [app({ lifecycle: { postStart: exec('hook') } })] },
    programs: { 'app:1': { ...stubborn, commands: { hook: { exitCode: 0, takesMs: 2000 } } } },
    deletes: [{ atMs: 500, grace: 0 }],
    steps: ['1500 SIGTERM app', '3500 SIGKILL app', '3500 exit app 137'],
    goneAtMs: 0,
  },
  {
    name: 'deleted while postStart runs and then fails: ended for that, not restarted',
    spec: { terminationGracePeriodSeconds: 3, containers: [app({ lifecycle: { postStart: exec('hook') } })] },
    programs: { 'app:1': { ...stubborn, commands: { hook: { exitCode: 1, takesMs: 2000 } } } },
    deletes: [{ atMs: 500, grace: 9 }],
    steps: ['1500 SIGTERM app', '4500 SIGKILL app', '4500 exit app 137'],
    phase: 'Failed',
    states: ['app 137 Error'],
    events: ['Killing: FailedPostStartHook'],
    goneAtMs: 4500,
  },
  {
    name: 'deleted while a failed liveness probe ends the container: its next life begins, and is ended',
    spec: {
      containers: [
        app({
          livenessProbe: {
            ...exec('check'),
            initialDelaySeconds: 1,
            periodSeconds: 1,
            failureThreshold: 1,
            terminationGracePeriodSeconds: 2,
          },
        }),
      ],
    },
    programs: { 'app:1': (attempt) => ({ ...(attempt ? quick : stubborn), commands: { check: { exitCode: 1 } } }) },
    deletes: [{ atMs: 2000 }],
    steps: ['-500 SIGTERM app', '1500 SIGKILL app', '1500 exit app 137', '1500 SIGTERM app', '1500 exit app 0'],
    phase: 'Succeeded',
    states: ['app 0 Completed'],
    events: ['Killing: Container app failed liveness probe, will be restarted', 'Killing: Stopping container app'],
    goneAtMs: 1500,
  },
]
