import { describe, expect, it } from 'vitest'
import type { Pod } from '../../api/types/core-v1.gen.ts'
import { podRow, podRowConditions, readinessGates, summarizePod } from './pod-printing.ts'

const NOW = Date.parse('2030-01-01T00:10:00Z')
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString().replace('.000', '')

type State = { running?: object; waiting?: object; terminated?: object }

interface Given {
  readonly containers?: readonly string[]
  readonly init?: readonly (string | { name: string; restartPolicy: string })[]
  readonly status?: object
  readonly deleted?: boolean
}

function podOf({ containers = ['c'], init = [], status = {}, deleted }: Given): Pod {
  return {
    metadata: { name: 'p', creationTimestamp: at(60), ...(deleted ? { deletionTimestamp: at(0) } : {}) },
    spec: {
      containers: containers.map((name) => ({ name })),
      initContainers: init.map((c) => (typeof c === 'string' ? { name: c } : c)),
    },
    status,
  } as unknown as Pod
}

const container = (name: string, state: State, more: object = {}) => ({
  name,
  state,
  ready: false,
  restartCount: 0,
  lastState: {},
  ...more,
})
const ready = { ready: true }
const crashed = (seconds: number) => ({ lastState: { terminated: { exitCode: 1, finishedAt: at(seconds) } } })

const cases: readonly [string, Given, { ready: string; status: string; restarts: string }][] = [
  ['no status yet', { status: { phase: 'Pending' } }, { ready: '0/1', status: 'Pending', restarts: '0' }],
  [
    'running',
    { status: { phase: 'Running', containerStatuses: [container('c', { running: {} }, ready)] } },
    { ready: '1/1', status: 'Running', restarts: '0' },
  ],
  [
    'image is pulled',
    { status: { phase: 'Pending', containerStatuses: [container('c', { waiting: { reason: 'ContainerCreating' } })] } },
    { ready: '0/1', status: 'ContainerCreating', restarts: '0' },
  ],
  [
    'crash loop, with the time of the last end',
    {
      containers: ['a', 'b'],
      status: {
        phase: 'Running',
        containerStatuses: [
          container('a', { running: {} }, ready),
          container('b', { waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 3, ...crashed(300) }),
        ],
      },
    },
    { ready: '1/2', status: 'CrashLoopBackOff', restarts: '3 (5m ago)' },
  ],
  [
    'restarted, but nobody knows when',
    {
      status: { phase: 'Running', containerStatuses: [container('c', { running: {} }, { ...ready, restartCount: 2 })] },
    },
    { ready: '1/1', status: 'Running', restarts: '2' },
  ],
  [
    'completed',
    {
      status: {
        phase: 'Succeeded',
        containerStatuses: [container('c', { terminated: { exitCode: 0, reason: 'Completed' } })],
      },
    },
    { ready: '0/1', status: 'Completed', restarts: '0' },
  ],
  [
    'ended by a signal without a reason',
    { status: { phase: 'Failed', containerStatuses: [container('c', { terminated: { exitCode: 137, signal: 9 } })] } },
    { ready: '0/1', status: 'Signal:9', restarts: '0' },
  ],
  [
    'ended with a code without a reason',
    { status: { phase: 'Failed', containerStatuses: [container('c', { terminated: { exitCode: 3 } })] } },
    { ready: '0/1', status: 'ExitCode:3', restarts: '0' },
  ],
  [
    'evicted: the reason of the pod',
    { status: { phase: 'Failed', reason: 'Evicted' } },
    { ready: '0/1', status: 'Evicted', restarts: '0' },
  ],
  [
    'one completed, one running, pod ready',
    {
      containers: ['a', 'b'],
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [
          container('a', { terminated: { exitCode: 0, reason: 'Completed' } }),
          container('b', { running: {} }, ready),
        ],
      },
    },
    { ready: '1/2', status: 'Running', restarts: '0' },
  ],
  [
    'one completed, one running, pod not ready',
    {
      containers: ['a', 'b'],
      status: {
        phase: 'Running',
        containerStatuses: [
          container('a', { terminated: { exitCode: 0, reason: 'Completed' } }),
          container('b', { running: {} }, ready),
        ],
      },
    },
    { ready: '1/2', status: 'NotReady', restarts: '0' },
  ],
  [
    'second init container runs',
    {
      init: ['i1', 'i2'],
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('i1', { terminated: { exitCode: 0 } }), container('i2', { running: {} })],
        containerStatuses: [container('c', { waiting: { reason: 'PodInitializing' } })],
      },
    },
    { ready: '0/1', status: 'Init:1/2', restarts: '0' },
  ],
  [
    'init container failed',
    {
      init: ['i'],
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('i', { terminated: { exitCode: 2, reason: 'Error' } }, { restartCount: 2 })],
      },
    },
    { ready: '0/1', status: 'Init:Error', restarts: '2' },
  ],
  [
    'init container ended by a signal',
    {
      init: ['i'],
      status: {
        phase: 'Pending',
        initContainerStatuses: [container('i', { terminated: { exitCode: 143, signal: 15 } })],
      },
    },
    { ready: '0/1', status: 'Init:Signal:15', restarts: '0' },
  ],
  [
    'init container in a crash loop',
    {
      init: ['i'],
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          container('i', { waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 4, ...crashed(65) }),
        ],
      },
    },
    { ready: '0/1', status: 'Init:CrashLoopBackOff', restarts: '4 (65s ago)' },
  ],
  [
    'sidecar counts, started and ready',
    {
      init: [{ name: 's', restartPolicy: 'Always' }],
      status: {
        phase: 'Running',
        conditions: [{ type: 'Initialized', status: 'True' }],
        initContainerStatuses: [container('s', { running: {} }, { ...ready, started: true, restartCount: 1 })],
        containerStatuses: [container('c', { running: {} }, ready)],
      },
    },
    { ready: '2/2', status: 'Running', restarts: '1' },
  ],
  [
    'initialized: restarts of init containers no longer count',
    {
      init: ['i'],
      status: {
        phase: 'Running',
        initContainerStatuses: [container('i', { terminated: { exitCode: 0 } }, { restartCount: 5 })],
        containerStatuses: [container('c', { running: {} }, ready)],
      },
    },
    { ready: '1/1', status: 'Running', restarts: '0' },
  ],
  [
    'terminating',
    { deleted: true, status: { phase: 'Running', containerStatuses: [container('c', { running: {} }, ready)] } },
    { ready: '1/1', status: 'Terminating', restarts: '0' },
  ],
  [
    'terminating, never scheduled',
    { deleted: true, status: { phase: 'Pending' } },
    { ready: '0/1', status: 'Terminating', restarts: '0' },
  ],
  [
    'ended and held by a finalizer',
    {
      deleted: true,
      status: {
        phase: 'Succeeded',
        containerStatuses: [container('c', { terminated: { exitCode: 0, reason: 'Completed' } })],
      },
    },
    { ready: '0/1', status: 'Completed', restarts: '0' },
  ],
  [
    'terminating on a lost node',
    { deleted: true, status: { phase: 'Running', reason: 'NodeLost' } },
    { ready: '0/1', status: 'Unknown', restarts: '0' },
  ],
  [
    'behind a scheduling gate',
    {
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    },
    { ready: '0/1', status: 'SchedulingGated', restarts: '0' },
  ],
]

describe('summarizePod', () => {
  it.each(cases)('%s', (_name, given, expected) => {
    expect(summarizePod(podOf(given), NOW)).toEqual(expected)
  })
})

it('counts open readiness gates', () => {
  const pod = podOf({
    status: {
      conditions: [
        { type: 'a', status: 'True' },
        { type: 'b', status: 'False' },
      ],
    },
  })
  const gated = { ...pod, spec: { ...pod.spec, readinessGates: [{ conditionType: 'a' }, { conditionType: 'b' }] } }
  expect(readinessGates(gated)).toBe('1/2')
  expect(readinessGates(pod)).toBe('<none>')
})

it('prints a whole row', () => {
  const pod = podOf({ status: { phase: 'Running', podIPs: [{ ip: '10.0.0.7' }], nominatedNodeName: 'n2' } })
  const row = podRow({ ...pod, spec: { ...pod.spec, nodeName: 'n1' } }, NOW)
  expect(row).toEqual(['p', '0/1', 'Running', '0', '60s', '10.0.0.7', 'n1', 'n2', '<none>'])
  expect(podRowConditions(pod)).toBeUndefined()
  expect(podRowConditions(podOf({ status: { phase: 'Failed' } }))?.[0].reason).toBe('Failed')
})
