/**
 * The declarations against recordings of a real API server: what a create is filled up to, and which causes it is refused for.
 * No server: decode (conform), default, prepare, validate, allocate, as the registry calls them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type FieldError, invalidObject } from '../api/field-error.ts'
import type { KubernetesObject } from '../api/object.ts'
import { definition } from '../api/schema.ts'
import { ApiError } from '../api/status.ts'
import { SeededRandom } from '../base/random.ts'
import { conform } from '../wire/conform.ts'
import type { Context, ResourceDeclaration } from './declaration.ts'
import { RESOURCES } from './index.ts'

const shared = process.env.EBB_SHARED ?? new URL('../../../shared', import.meta.url).pathname
const folder = `${shared}/golden/api`
const present = existsSync(folder)
if (!present) console.log(`skipped: no recordings in ${folder} (set EBB_SHARED)`)

interface Step {
  readonly id: string
  readonly request: { readonly method: string; readonly path: string; readonly body?: unknown }
  readonly response: { readonly status: number; readonly body?: Record<string, unknown> }
}

function stepsOf(file: string): Step[] {
  if (!present) return []
  const scenario = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { steps: Step[] }
  return scenario.steps
}

/** The declaration that a collection's path means, and the namespace in it. */
function target(path: string): { declaration: ResourceDeclaration; namespace: string } | undefined {
  const parts = (path.split('?')[0] ?? '').split('/').filter((part) => part !== '')
  const group = parts[0] === 'api' ? '' : (parts[1] ?? '')
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3)
  const namespaced = rest[0] === 'namespaces' && rest.length > 2
  const plural = namespaced ? rest[2] : rest[0]
  if (rest.length !== (namespaced ? 3 : 1)) return undefined
  const declaration = RESOURCES.find((r) => r.group === group && r.plural === plural)
  return declaration && { declaration, namespace: namespaced ? (rest[1] ?? '') : '' }
}

const context = (warnings: string[]): Context => ({
  now: '2030-01-01T00:00:00Z',
  nowMs: Date.parse('2030-01-01T00:00:00Z'),
  lookup: (_group, plural, namespace, name) =>
    plural === 'serviceaccounts' && name === 'default' ? { metadata: { name, namespace } } : undefined,
  list: () => [],
  user: { name: 'admin', groups: [] },
  dryRun: false,
  random: new SeededRandom(1),
  warn: (text) => warnings.push(text),
})

interface Created {
  readonly object?: KubernetesObject
  readonly errors: readonly FieldError[]
  readonly refusal?: ApiError
  readonly warnings: readonly string[]
}

function create(declaration: ResourceDeclaration, body: object, namespace: string): Created {
  const warnings: string[] = []
  try {
    const draft = conform(body, definition(declaration.definition)).object as never as KubernetesObject & {
      metadata: { namespace?: string; name?: string; uid?: string }
    }
    if (declaration.namespaced) draft.metadata.namespace ??= namespace
    draft.metadata.uid = 'the-uid'
    draft.metadata.name ||= draft.metadata.generateName ?? ''
    declaration.default?.(draft)
    declaration.strategy.prepare?.(draft, undefined, context(warnings))
    const errors = declaration.strategy.validate?.(draft, undefined, context(warnings)) ?? []
    let port = 30_000
    if (errors.length === 0) {
      declaration.allocation?.allocate(draft, { take: (pool) => (pool === 'nodePort' ? String(port++) : '10.96.7.7') })
    }
    return { object: draft, errors, warnings }
  } catch (error) {
    if (error instanceof ApiError) return { refusal: error, errors: [], warnings }
    throw error
  }
}

const ALLOCATED = new Set([
  'clusterIP',
  'clusterIPs',
  'nodePort',
  'healthCheckNodePort',
  'lastTransitionTime',
  'lastPhaseTransitionTime',
])
const GENERIC = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'generation',
])

/** Requests name values that earlier answers gave. */
function filled(body: object): object {
  const text = JSON.stringify(body)
  return JSON.parse(text.replaceAll(/<ip:\d+>/g, '10.96.9.9').replaceAll(/"<nodePort:\d+>"/g, '30999')) as object
}

/** Placeholders of the recordings, and what the registry and not the declaration puts into metadata. */
function normalized(value: unknown, key = ''): unknown {
  if (ALLOCATED.has(key)) return value === 'None' || (Array.isArray(value) && value[0] === 'None') ? value : '<any>'
  if (Array.isArray(value)) return value.map((item) => normalized(item))
  if (typeof value === 'object' && value !== null) {
    const out: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined || GENERIC.has(name)) continue
      // Nothing here takes the protection of volumes away again, so it is not put on.
      if (name === 'finalizers' && /\/pvc?-protection/.test(String(member))) continue
      out[name] = normalized(member, name)
    }
    return out
  }
  if (typeof value === 'string') {
    return value
      .replace(/^kube-api-access-.*/, 'kube-api-access-?')
      .replace(/<gen:\d+>/, '')
      .replaceAll(/<uid:\d+>/g, 'the-uid')
  }
  return value
}

function byText(a: Cause, b: Cause): number {
  return `${a.field}${a.message}`.localeCompare(`${b.field}${b.message}`)
}

/** Refused elsewhere: while decoding, by the generic rules of metadata, or because of another object. */
const ELSEWHERE = /^metadata\.(name|generateName|labels|annotations|ownerReferences|finalizers)/

interface Cause {
  readonly field: string
  readonly message: string
}

function ours<T extends Cause>(causes: readonly T[]): T[] {
  return causes.filter((cause) => !ELSEWHERE.test(cause.field)).sort(byText)
}

const FILES = [
  '10-create-cluster-kinds.json',
  '10-create-config-kinds.json',
  '10-create-pod-defaults.json',
  '10-create-service-defaults.json',
  '10-create-workload-defaults.json',
  '11-invalid-meta.json',
  '11-invalid-pod.json',
  '11-invalid-service.json',
  '11-invalid-workloads.json',
  '20-patch-pod-immutable.json',
]

describe.skipIf(!present).each(FILES)('%s', (file) => {
  const posts = stepsOf(file).filter((s) => s.request.method === 'POST' && target(s.request.path))
  it.each(posts.map((step) => [step.id, step] as const))('%s', (_id, { request, response }) => {
    const found = target(request.path)
    if (!found || typeof request.body !== 'object' || request.body === null) return
    const { declaration, namespace } = found
    if (response.status === 201) {
      const created = create(declaration, filled(request.body), namespace)
      expect(created.errors).toEqual([])
      expect(normalized(created.object)).toEqual(normalized(response.body))
    } else if (response.status === 422) {
      const details = response.body?.details as { causes: { field: string; message: string; reason: string }[] }
      const causes = details.causes.filter((c) => !/already allocated|current range|valid range/.test(c.message))
      const { errors } = create(declaration, filled(request.body), namespace)
      const seen = errors.map((e) => ({ reason: e.type, message: e.message, field: e.field }))
      expect(ours(seen)).toEqual(ours(normalized(causes) as typeof seen))
      expect(invalidObject({ group: '', resource: '', kind: declaration.kind }, 'x', errors).code).toBe(422)
    } else if (response.status === 403) {
      expect(create(declaration, filled(request.body), namespace).refusal?.status.message).toBe(response.body?.message)
    }
  })
})
