import { expect, it } from 'vitest'
import type { ContainerStatus } from '../api/types/core-v1.gen.ts'
import { logContainer } from './log-container.ts'

const ended = (id: string) => ({ terminated: { exitCode: 1, ...(id ? { containerID: id } : {}) } })
const waiting = (reason: string) => ({ waiting: { reason } })

it.each([
  ['runs', { state: { running: {} }, containerID: 'c1', lastState: ended('c0') }, 'c1', 'c0'],
  ['has ended', { state: ended('c0') }, 'c0', 'previous terminated container "a" in pod "p" not found'],
  ['has ended twice', { state: ended('c1'), lastState: ended('c0') }, 'c1', 'c0'],
  ['waits for its restart', { state: waiting('CrashLoopBackOff'), lastState: ended('c1') }, 'c1', 'c1'],
  [
    'was never found',
    { state: ended('') },
    'container "a" in pod "p" is terminated',
    'previous terminated container "a" in pod "p" not found',
  ],
  [
    'has no image',
    { state: waiting('ErrImagePull') },
    'container "a" in pod "p" is waiting to start: image can\'t be pulled',
    'previous terminated container "a" in pod "p" not found',
  ],
  [
    'is being made',
    { state: waiting('ContainerCreating') },
    'container "a" in pod "p" is waiting to start: ContainerCreating',
    'previous terminated container "a" in pod "p" not found',
  ],
])('the log of a container that %s', (_, more, now, before) => {
  const status = { name: 'a', ready: false, restartCount: 0, image: 'i', imageID: 'i', ...more } as ContainerStatus
  const shown = (previous: boolean) => {
    const found = logContainer({ containerStatuses: [status] }, 'p', 'a', previous)
    return 'id' in found ? found.id : found.why
  }
  expect([shown(false), shown(true)]).toEqual([now, before])
})
