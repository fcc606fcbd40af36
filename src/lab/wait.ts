/** Waiting for a state of the cluster that an informer shows. */
import type { KubernetesObject } from '../api/object.ts'
import type { Clock } from '../base/clock.ts'
import type { Informer } from '../client/informer.ts'

/** What was waited for did not come in time. */
export class WaitError extends Error {
  override readonly name = 'WaitError'
}

/** Resolves as soon as `holds` is true of all objects of the informer; rejects with WaitError after `maxMs`. */
export function waitFor<T extends KubernetesObject>(
  informer: Informer<T>,
  holds: (all: readonly T[]) => boolean,
  { clock, maxMs, what }: { readonly clock: Clock; readonly maxMs: number; readonly what: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false
    let stop: (() => void) | undefined
    const end = () => {
      over = true
      timer.cancel()
      stop?.()
    }
    const look = () => {
      if (over || !informer.hasSynced || !holds([...informer.lister.values()])) return
      end()
      resolve()
    }
    const timer = clock.setTimer(maxMs, () => {
      end()
      reject(new WaitError(`waited ${maxMs / 1000} s in vain for ${what}`))
    })
    stop = informer.on({ add: look, update: look, delete: look })
    if (over) stop()
    void informer.synced.then(look)
  })
}
