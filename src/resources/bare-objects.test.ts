/** Objects whose every struct is there and empty: what Go writes as null is null then. No kind may stumble over it. */
import { describe, expect, it } from 'vitest'
import type { Draft, KubernetesObject } from '../api/object.ts'
import { type Definition, definition, type Type } from '../api/schema.ts'
import { ApiError } from '../api/status.ts'
import { SeededRandom } from '../base/random.ts'
import { conform } from '../wire/conform.ts'
import type { Context } from './declaration.ts'
import { RESOURCES } from './index.ts'

function bare(type: Type, open: readonly Definition[]): unknown {
  if (type.kind === 'array') {
    const item = bare(type.of, open)
    return item === undefined ? undefined : [item]
  }
  if (type.kind === 'ref') return open.includes(type.definition) ? {} : structs(type.definition, open)
  return undefined
}

function structs(of: Definition, open: readonly Definition[] = []): Record<string, unknown> {
  const within = [...open, of]
  return Object.fromEntries([...of.fields.values()].map(({ name, type }) => [name, bare(type, within)]))
}

const context: Context = {
  now: '2030-01-01T00:00:00Z',
  nowMs: 0,
  lookup: () => undefined,
  list: () => [],
  user: { name: 'admin', groups: [] },
  dryRun: false,
  random: new SeededRandom(1),
  warn() {},
}

describe('a bare object', () => {
  it.each(RESOURCES.map((resource) => [`${resource.group}/${resource.kind}`, resource] as const))(
    'of %s is judged or refused, not a fault',
    (_, resource) => {
      const of = definition(resource.definition)
      const metadata = { name: 'x', namespace: 'default' }
      const draft = conform({ ...structs(of), metadata }, of).object as Draft<KubernetesObject>
      const judge = () => {
        resource.default?.(draft)
        resource.strategy.prepare?.(draft, undefined, context)
        resource.strategy.validate?.(draft as KubernetesObject, undefined, context)
        resource.strategy.warn?.(draft as KubernetesObject, undefined, context)
        resource.strategy.admit?.(draft as KubernetesObject, undefined, context)
        expect(resource.row(draft as KubernetesObject, 0)).toHaveLength(resource.columns.length)
      }
      try {
        judge()
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError)
      }
    },
  )
})
