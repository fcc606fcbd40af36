import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.node.ts'
import { SeededRandom } from '../../base/random.ts'
import { startTestApi, type TestApi } from '../../sim/test-api.ts'

let api: TestApi

beforeEach(async () => {
  api = await startTestApi({ clock: systemClock, random: new SeededRandom(1) })
})
afterEach(() => api.close())

const create = (plural: string, spec: object) =>
  api.client.call('POST', `/apis/flowcontrol.apiserver.k8s.io/v1/${plural}`, { metadata: { name: 'x' }, spec })

const refused = (plural: string, spec: object, message: string) =>
  expect(create(plural, spec)).rejects.toMatchObject({ code: 422, message: expect.stringContaining(message) })

describe('a FlowSchema', () => {
  const subject = { kind: 'User', user: { name: 'u' } }
  const rule = { verbs: ['get'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }
  const schema = (more: object = {}) => ({ priorityLevelConfiguration: { name: 'p' }, ...more })
  const rules = (subjects: object[], ...resourceRules: object[]) => schema({ rules: [{ subjects, resourceRules }] })

  it('is stored with its defaults', async () => {
    expect(await create('flowschemas', rules([subject], rule))).toMatchObject({
      metadata: { generation: 1 },
      spec: { matchingPrecedence: 1000 },
      status: {},
    })
  })

  it.each<[object, string]>([
    [{}, 'spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
    [schema({ matchingPrecedence: 1 }), "only the schema named 'exempt' may have matchingPrecedence 1"],
    [schema({ matchingPrecedence: 10_001 }), 'spec.matchingPrecedence: Invalid value: 10001: must not be greater'],
    [
      schema({ distinguisherMethod: { type: 'x' } }),
      'Unsupported value: {"Type":"x"}: supported values: "ByNamespace"',
    ],
    [rules([], rule), 'spec.rules[0].subjects: Required value: subjects must contain at least one value'],
    [rules([subject]), 'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules'],
    [rules([{ kind: 'x' }], rule), 'supported values: "Group", "ServiceAccount", "User"'],
    [rules([{ kind: 'Group' }], rule), "group: Required value: group is required when subject kind is 'Group'"],
    [rules([{ ...subject, group: { name: 'g' } }], rule), "group is forbidden when subject kind is not 'Group'"],
    [rules([subject], {}), 'resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped'],
    [rules([subject], { ...rule, verbs: ['nope'] }), 'verbs: Unsupported value: ["nope"]: supported values: "create"'],
    [rules([subject], { ...rule, namespaces: ['A'] }), "each member of this list must be '*' or a DNS-1123 label; a"],
  ])('is refused with %j', (spec, message) => refused('flowschemas', spec, message))
})

describe('a PriorityLevelConfiguration', () => {
  const limited = (more: object) => ({ type: 'Limited', limited: { limitResponse: { type: 'Reject' }, ...more } })
  const queue = (queuing: object) => limited({ limitResponse: { type: 'Queue', queuing } })

  it('is stored with its defaults', async () => {
    expect(await create('prioritylevelconfigurations', queue({}))).toMatchObject({
      spec: {
        limited: {
          nominalConcurrencyShares: 30,
          lendablePercent: 0,
          limitResponse: { queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
        },
      },
    })
  })

  it.each<[object, string]>([
    [{ type: 'x' }, 'spec.type: Unsupported value: "x": supported values: "Exempt", "Limited"'],
    [{ type: 'Exempt' }, "must be 'Exempt' if and only if `name` is 'exempt'"],
    [{ type: 'Limited' }, 'spec.limited: Required value: must not be empty when type is Limited'],
    [limited({ lendablePercent: 101 }), 'must be between 0 and 100, inclusive'],
    [limited({ limitResponse: {} }), 'limitResponse.type: Unsupported value: "": supported values: "Queue", "Reject"'],
    [limited({ limitResponse: { type: 'Queue' } }), 'queuing: Required value: must not be empty if'],
    [queue({ queues: 4, handSize: 5 }), 'handSize: Invalid value: 5: should not be greater than queues (4)'],
    [queue({ queues: 1_000_000 }), 'required entropy bits of deckSize 1000000 and handSize 8 should not be greater'],
  ])('is refused with %j', (spec, message) => refused('prioritylevelconfigurations', spec, message))
})
