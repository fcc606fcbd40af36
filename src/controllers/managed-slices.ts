/** The EndpointSlices that one controller manages: found by their Service, and brought to what a plan says. */
import { isApiError } from '../api/status.ts'
import type { EndpointSlice } from '../api/types/discovery-v1.gen.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { Informer } from '../client/informer.ts'
import { endpointSlices } from '../client/resources.ts'
import type { ControllerContext } from './context.ts'
import { deleteQuietly } from './quietly.ts'
import { Written } from './written.ts'

export const SERVICE_NAME = 'kubernetes.io/service-name'
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'

export interface SlicePlan {
  readonly create: readonly EndpointSlice[]
  readonly update: readonly EndpointSlice[]
  readonly delete: readonly EndpointSlice[]
}

export class ManagedSlices {
  /** Resolves when those there were are known. */
  readonly synced: Promise<void>
  private readonly client: ApiClient
  private readonly slices: Informer<EndpointSlice>
  private readonly manager: string
  private readonly written: Written<EndpointSlice>

  /** `manager` stands in the label by which a slice is known as ours. */
  constructor({ client, informers }: ControllerContext, manager: string) {
    this.client = client
    this.slices = informers.informer(endpointSlices)
    this.synced = this.slices.synced
    this.manager = manager
    this.written = new Written(this.slices)
  }

  /** Calls `enqueue` with the key of the Service of each slice of ours that changes. */
  watch(enqueue: (key: string) => void): void {
    const changed = (slice: EndpointSlice) => {
      const service = slice.metadata.labels?.[SERVICE_NAME]
      if (service && this.isOurs(slice)) enqueue(`${slice.metadata.namespace ?? ''}/${service}`)
    }
    this.slices.on({
      add: changed,
      update(slice, old) {
        // Labelled for another Service, or given away: both miss one then.
        if (old.metadata.labels !== slice.metadata.labels) changed(old)
        changed(slice)
      },
      delete: changed,
    })
  }

  /** Those of a Service, as last written. */
  of(key: string): EndpointSlice[] {
    const [namespace, name] = key.split('/')
    const belongs = (slice: EndpointSlice) =>
      slice.metadata.namespace === namespace && slice.metadata.labels?.[SERVICE_NAME] === name && this.isOurs(slice)
    const cached = this.slices.lister.labelled(SERVICE_NAME, name ?? '').filter(belongs)
    return this.written.correct(cached, belongs).filter((slice) => slice.metadata.deletionTimestamp === undefined)
  }

  /** Rejects as the client does. */
  async apply(plan: SlicePlan): Promise<void> {
    for (const slice of plan.create) this.written.wrote(await this.client.create(endpointSlices, slice))
    for (const slice of plan.update) {
      try {
        this.written.wrote(await this.client.update(endpointSlices, slice))
      } catch (error) {
        if (isApiError(error, 'NotFound')) this.written.deleted(slice)
        throw error
      }
    }
    await Promise.all(plan.delete.map((slice) => this.delete(slice)))
  }

  private async delete(slice: EndpointSlice): Promise<void> {
    const { uid = '' } = slice.metadata
    await deleteQuietly(this.client, endpointSlices, slice, { preconditions: { uid } })
    this.written.deleted(slice)
  }

  private isOurs(slice: EndpointSlice): boolean {
    return slice.metadata.labels?.[MANAGED_BY] === this.manager
  }
}
