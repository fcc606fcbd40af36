import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { definitionOfKind } from '../api/schema.ts'
import { ApiError, type Status } from '../api/status.ts'
import type { FieldValidation } from './decode.ts'
import { readPatch } from './patch.ts'

/** Recorded patches, each applied to what the API server had answered before: the object, or the error in its words. */
const folder = join(process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../shared'), 'golden/api')
const absent = !existsSync(folder)

type Recorded = Record<string, unknown> & { kind: string; apiVersion: string }
interface Step {
  id: string
  request: { method: string; path: string; headers?: Record<string, string>; body?: unknown }
  response: { status: number; headers: { warning?: string[] }; body?: Recorded }
}

function concrete(step: Step): Step {
  return JSON.parse(
    JSON.stringify(step, (_, value) => (value === '<any>' ? undefined : value))
      .replaceAll(/"<(time|time\+grace)>"/g, '"2026-01-02T03:04:05Z"')
      .replaceAll('<time>', '2026-01-02T03:04:05Z')
      .replaceAll('<ns>', 'ns')
      .replaceAll(/<uid:(\d+)>/g, '00000000-0000-0000-0000-00000000000$1')
      .replaceAll(/<rv:(\d+)>/g, '$1'),
  )
}

function patchedBy({ request }: Step, current: Recorded) {
  const { body, path, headers = {} } = request
  const slash = current.apiVersion.indexOf('/')
  const gvk = { group: current.apiVersion.slice(0, Math.max(slash, 0)), version: current.apiVersion.slice(slash + 1) }
  try {
    return readPatch({
      body: { bytes: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) },
      contentType: headers['Content-Type'],
      definition: definitionOfKind({ ...gvk, kind: current.kind })?.name ?? '',
      fieldValidation: (/fieldValidation=(\w+)/.exec(path)?.[1] ?? 'Warn') as FieldValidation,
    }).apply(current)
  } catch (error) {
    if (error instanceof ApiError) return error.status
    throw error
  }
}

/** PATCH steps with the object that was there before, as last seen under the same path. */
function patches(file: string): { step: Step; current: Recorded }[] {
  const last = new Map<string, Recorded>()
  const out: { step: Step; current: Recorded }[] = []
  for (const raw of JSON.parse(readFileSync(join(folder, file), 'utf8')).steps as Step[]) {
    const step = concrete(raw)
    const { method, path } = step.request
    const body = step.response.body
    const name = path.split('?')[0]?.replace(/\/status$/, '') ?? ''
    const current = last.get(name)
    if (method === 'PATCH' && current && !/apply-patch/.test(step.request.headers?.['Content-Type'] ?? ''))
      out.push({ step, current })
    if (body && body.kind !== 'Status' && !/dryRun/.test(path))
      last.set(method === 'POST' ? `${name}/${(body.metadata as { name: string }).name}` : name, body)
  }
  return out
}

/** Errors that patching itself makes; others are validation's. */
const OWN_ERROR =
  / "" is invalid: patch|^the server rejected|decoding patch|JSON|json|patch|merge key|Unsupported Media/

describe.skipIf(absent)(`recorded patches${absent ? ' (no recordings here)' : ''}`, () => {
  const files = [
    '20-patch-json.json',
    '20-patch-merge.json',
    '20-patch-strategic.json',
    '13-field-validation.json',
    '02-delete-finalizers-configmap.json',
  ]
  const cases = absent ? [] : files.flatMap((file) => patches(file).map((c) => [`${file} ${c.step.id}`, c] as const))

  it.each(cases)('%s', (_, { step, current }) => {
    const outcome = patchedBy(step, current)
    const recorded = step.response.body as unknown as Partial<Status> & Recorded
    if (step.response.status === 200) {
      expect(outcome).toHaveProperty('object')
      if (!('object' in outcome)) return
      const { metadata, status: _, ...rest } = outcome.object
      const { managedFields, resourceVersion, generation, ...meta } = metadata as Record<string, unknown>
      expect(recorded).toMatchObject({ ...rest, metadata: meta })
      expect(outcome.warnings.map((w) => `299 - ${JSON.stringify(w)}`)).toEqual(step.response.headers.warning ?? [])
    } else if (recorded.message && OWN_ERROR.test(recorded.message)) {
      expect(outcome).toEqual({ ...recorded, details: recorded.details, status: 'Failure' })
    } else expect(outcome).toHaveProperty(recorded.message || step.response.status !== 422 ? 'object' : 'code')
  })
})
