import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { updateManagedFields } from '../api/managed-fields/update.ts'
import type { Draft, KubernetesObject, ManagedFieldsEntry } from '../api/object.ts'
import { RESOURCES } from '../resources/index.ts'
import { decodeObject } from '../wire/decode.ts'
import { readPatch } from '../wire/patch.ts'

/** Recorded writes: the request and the object before give the managedFields that Kubernetes answered. */
const folder = join(process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../shared'), 'golden/api')
const absent = !existsSync(folder)

interface Step {
  id: string
  request: { method: string; path: string; headers?: Record<string, string>; body?: unknown }
  response: { status: number; body?: KubernetesObject & { kind: string; apiVersion: string } }
}
interface Write {
  readonly step: Step
  readonly old: KubernetesObject | undefined
}

/** Bodies of another kind, or patches that say more than the change. */
const SUBRESOURCES = /\/(scale|token|binding|eviction|finalize|ephemeralcontainers|resize)(\?|$)/

function concrete<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/"<(time|time\+grace)>"/g, '"2026-01-02T03:04:05Z"')
      .replaceAll('"<microtime>"', '"2026-01-02T03:04:05.000000Z"')
      .replaceAll(/"<nodePort:\d+>"/g, '30000'),
  )
}

/** What extends the API is refused: how it is filled in waits until it is not. */
const STORED = RESOURCES.filter(({ categories }) => !categories?.includes('api-extensions'))

const declarationOf = (object: { kind?: string; apiVersion?: string }) =>
  STORED.find((r) => r.kind === object.kind && (r.group ? `${r.group}/${r.version}` : r.version) === object.apiVersion)

/** What a real server does to these before it looks who manages what is the declarations' affair, and done later here. */
const ELSEWHERE = new Set([
  '11-invalid-pod.json s26', // drops lifecycle.stopSignal
  '10-create-workload-defaults.json s07', // the template generation of a DaemonSet
  '41-table-kinds.json s19',
  '41-table-kinds.json s45', // an empty list becomes null
  '41-table-kinds.json s53',
])

function isWrite({ request: { method, path, headers = {} } }: Step): boolean {
  const type = headers['Content-Type'] ?? ''
  return /^(POST|PUT|PATCH)$/.test(method) && !SUBRESOURCES.test(path) && !/apply-patch/.test(type) && !headers.Accept
}

function writes(file: string): (readonly [string, Write])[] {
  const last = new Map<string, KubernetesObject>()
  const out: (readonly [string, Write])[] = []
  for (const raw of JSON.parse(readFileSync(join(folder, file), 'utf8')).steps as Step[]) {
    const step = concrete(raw)
    const { method, path } = step.request
    const body = step.response.body
    if (!body?.metadata?.uid || !declarationOf(body)) continue
    const base = path.split('?')[0]?.replace(/\/(status|scale|finalize)$/, '') ?? ''
    const key = method === 'POST' ? `${base}/${body.metadata.name}` : base
    const old = method === 'POST' ? undefined : last.get(key)
    const whole = !/<any>/.test(JSON.stringify([body, old]))
    if (isWrite(step) && whole && (method !== 'PATCH' || old) && step.response.status < 300)
      out.push([`${file} ${step.id}`, { step, old }])
    if (!/dryRun/.test(path)) last.set(key, body)
  }
  return out
}

/** The object that the handlers would give to the registry. */
async function sent({ step, old }: Write): Promise<Draft<KubernetesObject>> {
  const { body, headers = {}, method } = step.request
  const declaration = declarationOf(step.response.body ?? {})
  const input = {
    body: { bytes: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) },
    contentType: headers['Content-Type'],
    definition: declaration?.definition ?? '',
    fieldValidation: 'Ignore' as const,
  }
  const decoded =
    method === 'PATCH'
      ? readPatch(input).apply<Draft<KubernetesObject>>(old ?? {})
      : await decodeObject<Draft<KubernetesObject>>(input)
  declaration?.default?.(decoded.object)
  return decoded.object
}

const comparable = (entries: readonly ManagedFieldsEntry[] | undefined) =>
  (entries ?? []).map((entry) => JSON.stringify({ ...entry, time: '', fieldsV1: sorted(entry.fieldsV1) })).sort()

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}

describe.skipIf(absent)(`recorded managedFields${absent ? ' (no recordings here)' : ''}`, () => {
  const files = absent ? [] : readdirSync(folder).filter((f) => f.endsWith('.json'))

  it.each(files.flatMap(writes).filter(([name]) => !ELSEWHERE.has(name)))('%s', async (_, write) => {
    const { path } = write.step.request
    const answered = write.step.response.body as KubernetesObject & { apiVersion: string }
    const entries = updateManagedFields({
      old: write.old,
      new: (await sent(write)) as KubernetesObject,
      manager: /fieldManager=(\w+)/.exec(path)?.[1] ?? 'golden',
      subresource: /\/status(\?|$)/.test(path) ? 'status' : '',
      time: '2026-01-02T03:04:05Z',
      definition: declarationOf(answered)?.definition ?? '',
      apiVersion: answered.apiVersion,
    })
    expect(comparable(entries)).toEqual(comparable(answered.metadata.managedFields))
  })
})
