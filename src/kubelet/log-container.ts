/** Which life of a container a request for its log means, and Kubernetes' words when there is none. */
import type { ContainerStatus, PodStatus } from '../api/types/core-v1.gen.ts'

/** The containerID of the life; a text that says why not. */
export type LogContainer = { readonly id: string } | { readonly why: string }

/** A container that waits for its next life shows the log of the last one, also with `previous`. */
export function logContainer(status: PodStatus, pod: string, name: string, previous: boolean): LogContainer {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status
  const found = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (c) => c.name === name,
  )
  const refused = (why: string) => ({ why: `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod)} ${why}` })
  if (!found) return refused('is not available')
  const last = found.lastState?.terminated?.containerID
  if (previous) {
    if (last) return { id: last }
    return { why: `previous terminated ${refused('not found').why}` }
  }
  const id = found.state?.running ? found.containerID : found.state?.terminated?.containerID || last
  if (id) return { id }
  return refused(found.state?.terminated || found.lastState?.terminated ? 'is terminated' : waitingWords(found))
}

function waitingWords({ state }: ContainerStatus): string {
  const reason = state?.waiting?.reason
  if (!reason) return 'is waiting to start - no logs yet'
  if (reason === 'ErrImagePull') return "is waiting to start: image can't be pulled"
  if (reason === 'ImagePullBackOff') return 'is waiting to start: trying and failing to pull image'
  return `is waiting to start: ${reason}`
}
