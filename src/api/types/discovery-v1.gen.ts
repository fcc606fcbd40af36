// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { ObjectReference } from './core-v1.gen.ts'

/** Endpoint represents a single logical "backend" implementing a service. */
export interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions?: EndpointConditions
  readonly hostname?: string
  readonly targetRef?: ObjectReference
  readonly deprecatedTopology?: Readonly<Record<string, string>>
  readonly nodeName?: string
  readonly zone?: string
  readonly hints?: EndpointHints
}

/** EndpointConditions represents the current condition of an endpoint. */
export interface EndpointConditions {
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}

/** EndpointHints provides hints describing how an endpoint should be consumed. */
export interface EndpointHints {
  readonly forZones?: readonly ForZone[]
  readonly forNodes?: readonly ForNode[]
}

/** EndpointPort represents a Port used by an EndpointSlice */
export interface EndpointPort {
  readonly name?: string
  readonly protocol?: string
  readonly port?: number
  readonly appProtocol?: string
}

/** EndpointSlice represents a set of service endpoints. */
export interface EndpointSlice {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ObjectMeta
  readonly addressType: string
  readonly endpoints?: readonly Endpoint[]
  readonly ports?: readonly EndpointPort[]
}

/** EndpointSliceList represents a list of endpoint slices */
export interface EndpointSliceList {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata: ListMeta
  readonly items: readonly EndpointSlice[]
}

/** ForNode provides information about which nodes should consume this endpoint. */
export interface ForNode {
  readonly name: string
}

/** ForZone provides information about which zones should consume this endpoint. */
export interface ForZone {
  readonly name: string
}
