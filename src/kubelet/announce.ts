/** The events of a pod, in Kubernetes' words. */
import type { Pod } from '../api/types/core-v1.gen.ts'
import { type EventRecorder, involved } from '../client/events.ts'
import { pods } from '../client/resources.ts'
import type { Announce } from './images.ts'
import type { EndReason } from './plan.ts'
import type { ContainerView, Unhealthy } from './pod-view.ts'

/** Events about the pod itself, or about one of its containers. */
export function announcer(recorder: EventRecorder, pod: Pod, container?: ContainerView): Announce {
  const field = container?.kind === 'main' ? 'containers' : 'initContainers'
  const about = involved(pods, pod, container && `spec.${field}{${container.name}}`)
  return (type, reason, message) => recorder.event(about, type, reason, message)
}

/** Why a container is being killed, and whether it is to be started again. */
export function killingMessage(name: string, why: EndReason | Unhealthy | 'sandbox-lost', restarts: boolean): string {
  const what = restarts ? ', will be restarted' : ''
  switch (why) {
    case 'liveness':
    case 'startup':
      return `Container ${name} failed ${why} probe${what}`
    case 'changed':
      return `Container ${name} definition changed${what}`
    case 'post-start':
      return 'FailedPostStartHook'
    default:
      return `Stopping container ${name}`
  }
}

/** `default/web-1` as Kubernetes names a pod in messages: `web-1_default(uid)`. */
export function longName({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`
}
