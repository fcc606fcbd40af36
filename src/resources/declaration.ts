/**
 * One kind, declared in one place: scope, names, defaults, validation, columns, hooks. `registry` and `apiserver` are generic
 * machinery over a table of these (`index.ts`); adding a kind needs a file and a line there, nothing else.
 */

import type { FieldError } from '../api/field-error.ts'
import type { Draft, KubernetesObject } from '../api/object.ts'
import type { Random } from '../base/random.ts'

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  readonly description: string
  /** 0 always shown, 1 with -o wide. */
  readonly priority: number
}

/** A TableRowCondition of meta/v1. */
interface RowCondition {
  readonly type: 'Completed'
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

export interface Context {
  /** RFC 3339 with seconds. */
  readonly now: string
  readonly nowMs: number
  /** Reads another object of the published state, e.g. `lookup('', 'namespaces', '', 'default')`. */
  lookup(group: string, plural: string, namespace: string, name: string): KubernetesObject | undefined
  /** All objects of a kind in a namespace, of the published state. */
  list(group: string, plural: string, namespace: string): readonly KubernetesObject[]
  readonly user: {
    readonly name: string
    readonly groups: readonly string[]
    readonly uid?: string
    readonly extra?: Readonly<Record<string, readonly string[]>>
  }
  readonly dryRun: boolean
  /** For names that a kind makes up itself (the service account volume of a pod). */
  readonly random: Random
  /** Adds a Warning header to the answer. */
  warn(text: string): void
}

/** A strategy for one way of writing: the main resource, or a subresource such as status. All functions are synchronous. */
export interface WriteStrategy<T extends KubernetesObject> {
  /** Brings `draft` to what may be written: e.g. keeps the old status on a main update, the old spec on a status update. */
  prepare?(draft: Draft<T>, old: T | undefined, context: Context): void
  validate?(object: T, old: T | undefined, context: Context): readonly FieldError[]
  /** Warns of what is valid and yet probably a mistake. */
  warn?(object: T, old: T | undefined, context: Context): void
  /** Refuses what is valid and yet not allowed here: what Kubernetes has validating admission plugins for. Throws ApiError. */
  admit?(object: T, old: T | undefined, context: Context): void
}

export interface SubresourceDeclaration<T extends KubernetesObject> {
  /** `status`, `ephemeralcontainers`, `finalize`, ... : written like the object itself under another strategy. */
  readonly name: string
  readonly verbs: readonly ('get' | 'update' | 'patch')[]
  readonly strategy: WriteStrategy<T>
}

/** The scale subresource, autoscaling/v1. */
export interface ScaleDeclaration<T extends KubernetesObject> {
  replicas(object: T): number
  setReplicas(draft: Draft<T>, replicas: number): void
  statusReplicas(object: T): number
  /** Label selector as text, for status.selector. */
  selector(object: T): string
  /** How the Scale itself is shown; `declare` adds it. */
  readonly table: Pick<ResourceDeclaration, 'columns' | 'row'>
}

/** A subresource with behaviour of its own (binding, eviction, log, exec, attach, portforward, token): `handler` names an entry of the API server's explicit table. */
export interface ActionDeclaration {
  readonly name: string
  readonly handler: string
  /** Kind in discovery, e.g. `Eviction` with group/version `policy/v1`. */
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
}

interface DeleteDeclaration<T extends KubernetesObject> {
  /** Decides the grace in seconds for a delete; undefined: the kind knows no grace and goes at once. Pods only. */
  graceSeconds?(object: T, requested: number | undefined): number | undefined
  /** Default propagation when the request names none: 'background' for most, 'orphan' for RC and Job. */
  readonly defaultPropagation?: 'background' | 'orphan'
  /** Warning of a delete that names no propagation (Job: its pods stay). */
  readonly defaultPropagationWarning?: string
  /** DELETE answers with the object (Pod, Service, ...) instead of a Status. */
  readonly returnsObject?: boolean
  /** Refuses a delete (default, kube-system namespaces: 403). Throws ApiError. */
  refuse?(object: T, context: Context): void
  /** Finalizers that a delete adds or requires beyond metadata.finalizers (namespace's spec.finalizers): true = may not be removed yet. */
  blocked?(object: T): boolean
  /** Changes the object when it is marked for deletion (namespace: phase Terminating). */
  mark?(draft: Draft<T>): void
}

/** Hands out values that are unique in the cluster (cluster IPs, node ports). Implemented by the registry over the stored objects. */
interface Allocation<T extends KubernetesObject> {
  /** Pools by name; `allocate` runs inside the commit, after validation, on create and update; released when the object is gone or no longer claims the value. */
  claims(
    object: T,
  ): readonly { readonly pool: 'clusterIP' | 'nodePort'; readonly value: string; readonly field: string }[]
  allocate(draft: Draft<T>, pools: { take(pool: 'clusterIP' | 'nodePort'): string }): void
}

export interface ResourceDeclaration<T extends KubernetesObject = KubernetesObject> {
  /** '' for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly namespaced: boolean
  /** Default: create delete deletecollection get list patch update watch. */
  readonly verbs?: readonly string[]
  /** A deprecated kind: every answer about it carries this Warning. */
  readonly deprecation?: string
  /** Name of the definition in the schema table, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly definition: string
  /** Kinds that are views of one storage (Event in core and events.k8s.io): the storage's key and how to convert. Default key: `group/plural`. */
  readonly storage?: {
    readonly key: string
    /** Group that validation errors name, where it is the stored form's. */
    readonly errorGroup?: string
    toStored(object: T): KubernetesObject
    fromStored(object: KubernetesObject): T
  }
  /** Checks a name; returns messages (of apimachinery's validation functions), empty when fine. */
  nameErrors(name: string): readonly string[]
  /** Fills in defaults in place, after decoding, on create, update and patch results. */
  default?(draft: Draft<T>): void
  /** The main resource. `prepare` on create resets status, on update keeps it; generation is bumped by `generation`. */
  readonly strategy: WriteStrategy<T>
  /** 'spec': metadata.generation starts at 1 and grows when anything outside metadata and status changes. */
  readonly generation?: 'spec'
  readonly subresources?: readonly SubresourceDeclaration<T>[]
  readonly scale?: ScaleDeclaration<T>
  readonly actions?: readonly ActionDeclaration[]
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly fields?: Readonly<Record<string, (object: T) => string>>
  readonly columns: readonly Column[]
  /** Cells of a Table row, in the order of `columns`. `now` in ms since 1970. */
  row(object: T, now: number): readonly (string | number | boolean | null)[]
  /** Conditions of a Table row (a completed pod). */
  rowConditions?(object: T): readonly RowCondition[] | undefined
  readonly delete?: DeleteDeclaration<T>
  readonly allocation?: Allocation<T>
  /** PUT on a missing object creates it (Lease, Event, Service, ...). */
  readonly createOnUpdate?: boolean
  /** PUT without a resourceVersion is refused when false (default true = allowed). */
  readonly unconditionalUpdate?: boolean
}
