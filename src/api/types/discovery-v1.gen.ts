// Made by tools/generate-types.mjs from @kubernetes/client-node; do not edit.
import type { ListMeta, ObjectMeta } from '../object.ts'
import type { ObjectReference } from './core-v1.gen.ts'

/** Endpoint represents a single logical "backend" implementing a service. */
export interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions?: EndpointConditions
  readonly deprecatedTopology?: Readonly<Record<string, string>>
  readonly hints?: EndpointHints
  readonly hostname?: string
  readonly nodeName?: string
  readonly targetRef?: ObjectReference
  readonly zone?: string
}

/** EndpointConditions represents the current condition of an endpoint. */
export interface EndpointConditions {
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}

/** EndpointHints provides hints describing how an endpoint should be consumed. */
export interface EndpointHints {
  readonly forNodes?: readonly ForNode[]
  readonly forZones?: readonly ForZone[]
}

/** EndpointPort represents a Port used by an EndpointSlice */
export interface EndpointPort {
  readonly appProtocol?: string
  readonly name?: string
  readonly port?: number
  readonly protocol?: string
}

/** EndpointSlice represents a set of service endpoints. */
export interface EndpointSlice {
  readonly addressType: string
  readonly apiVersion?: string
  readonly endpoints?: readonly Endpoint[]
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly ports?: readonly EndpointPort[]
}

/** EndpointSliceList represents a list of endpoint slices */
export interface EndpointSliceList {
  readonly apiVersion?: string
  readonly items: readonly EndpointSlice[]
  readonly kind?: string
  readonly metadata: ListMeta
}

/** ForNode provides information about which nodes should consume this endpoint. */
export interface ForNode {
  readonly name: string
}

/** ForZone provides information about which zones should consume this endpoint. */
export interface ForZone {
  readonly name: string
}
