import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { definition, definitionNames } from '../api/schema.ts'
import { ApiError, type Status } from '../api/status.ts'
import { conform } from './conform.ts'
import { decodeObject, type FieldValidation } from './decode.ts'

/** What a real API server answered, used here without a server: decoding errors, and objects that must come through unchanged. */
const folder = join(process.env.EBB_SHARED ?? join(import.meta.dirname, '../../../shared'), 'golden/api')
const absent = !existsSync(folder)

interface Step {
  id: string
  request: { method: string; path: string; headers?: Record<string, string>; body?: unknown }
  response: { status: number; headers: { warning?: string[] }; body?: unknown; events?: { object: unknown }[] }
}
const scenario = (file: string): Step[] => JSON.parse(readFileSync(join(folder, file), 'utf8')).steps
const CONFIG_MAP = 'io.k8s.api.core.v1.ConfigMap'

async function decodeStep(step: Step) {
  const { headers = {}, body, path } = step.request
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const definitionName = path.includes('/pods') ? 'io.k8s.api.core.v1.Pod' : CONFIG_MAP
  try {
    return await decodeObject({
      body: { bytes: new TextEncoder().encode(text ?? '') },
      contentType: headers['Content-Type'],
      definition: definitionName,
      fieldValidation: (/fieldValidation=(\w+)/.exec(path)?.[1] ?? 'Warn') as FieldValidation,
    })
  } catch (error) {
    if (error instanceof ApiError) return error.status
    throw error
  }
}

describe.skipIf(absent)(`recorded decoding${absent ? ' (no recordings here)' : ''}`, () => {
  const bodies = (file: string) =>
    absent
      ? []
      : scenario(file).filter(
          (s) => /^(POST|PUT)$/.test(s.request.method) && /\/(configmaps|pods)(\/\w+)?(\?|$)/.test(s.request.path),
        )

  it.each([...bodies('12-decode-errors.json'), ...bodies('13-field-validation.json')].map((s) => [s.id, s] as const))(
    '%s',
    async (_, step) => {
      const outcome = await decodeStep(step)
      const recorded = step.response.body as Status
      if (recorded.code === 400 || recorded.code === 415) {
        expect(outcome).toMatchObject({ code: recorded.code, message: recorded.message, reason: recorded.reason })
      } else if (!/Options/.test(recorded.message ?? '')) {
        expect(outcome).toHaveProperty('object')
        const recordedWarnings = (step.response.headers.warning ?? []).map((w) => JSON.parse(w.slice('299 - '.length)))
        expect('warnings' in outcome && outcome.warnings).toEqual(recordedWarnings)
      }
    },
  )

  it('leaves objects of the API server as they are, in the order of their keys', () => {
    const changed: string[] = []
    let count = 0
    const check = (where: string, object: unknown) => {
      const name = definitionOf(object)
      if (!name || /"(?!managedFields|resourceVersion)\w+":"<any>"/.test(JSON.stringify(object))) return
      count++
      const before = concrete(object)
      const after = JSON.stringify(conform(JSON.parse(before), definition(name)).object)
      if (after !== before) changed.push(`${where} ${firstDifference(before, after)}`)
    }
    for (const file of readdirSync(folder).filter((f) => f.endsWith('.json')))
      for (const step of scenario(file)) {
        check(`${file} ${step.id}`, step.response.body)
        for (const event of step.response.events ?? []) check(`${file} ${step.id}`, event.object)
      }
    expect(changed).toEqual([])
    expect(count).toBeGreaterThan(500)
  })
})

const byKind = new Map(
  definitionNames().flatMap((name) =>
    definition(name).kinds.map((k) => [`${k.group ? `${k.group}/` : ''}${k.version} ${k.kind}`, name] as const),
  ),
)

function definitionOf(object: unknown): string | undefined {
  const { apiVersion, kind } = (object ?? {}) as { apiVersion?: string; kind?: string }
  if (/^(Table|PartialObject|Status|API|CustomResource)/.test(kind ?? '')) return undefined
  return byKind.get(`${apiVersion} ${kind}`)
}

/** A recorded object with values in place of the placeholders that are no strings. */
function concrete(object: unknown): string {
  return JSON.stringify(object, (_, value) => (value === '<any>' ? undefined : value))
    .replaceAll(/"<(time|time\+grace)>"/g, '"2026-01-02T03:04:05Z"')
    .replaceAll('"<microtime>"', '"2026-01-02T03:04:05.000000Z"')
    .replaceAll(/"<(nodePort:\d+|n)>"/g, '30000')
}

function firstDifference(a: string, b: string): string {
  let at = 0
  while (a[at] === b[at]) at++
  return `${a.slice(Math.max(0, at - 60), at + 40)} | ${b.slice(Math.max(0, at - 10), at + 40)}`
}
