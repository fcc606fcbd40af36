import { describe, expect, it } from 'vitest'
import { decodeObject } from './decode.ts'
import { roundedInteger } from './integers.ts'
import { readPatch } from './patch.ts'

const encoder = new TextEncoder()

async function decoded(text: string, contentType = 'application/json', definition = 'io.k8s.api.core.v1.Pod') {
  const input = { body: { bytes: encoder.encode(text) }, contentType, definition, fieldValidation: 'Strict' as const }
  return (await decodeObject(input)).object
}

const TOLD = (digits: string) =>
  `number ${digits} cannot be held exactly: integers beyond 9007199254740991 must be written as texts`

describe('[B4] integers beyond what JavaScript holds exactly', () => {
  it.each(['9007199254740993', '9223372036854775807', '-9223372036854775807', '12345678901234567890123'])(
    '%s is refused wherever it stands',
    async (digits) => {
      for (const text of [
        `{"spec":{"terminationGracePeriodSeconds":${digits}}}`,
        `{"spec":{"containers":[{"resources":{"limits":{"memory":${digits}}}}]}}`,
        `{"metadata":{"managedFields":[{"fieldsV1":{"x":${digits}}}]}}`,
      ])
        await expect(async () => decoded(text)).rejects.toMatchObject({ code: 400, message: TOLD(digits) })
      const body = { bytes: encoder.encode(`{"spec":{"activeDeadlineSeconds":${digits}}}`) }
      const patch = readPatch({
        body,
        contentType: 'application/merge-patch+json',
        definition: 'io.k8s.api.core.v1.Pod',
        fieldValidation: 'Warn',
      })
      expect(() => patch.apply({ kind: 'Pod', apiVersion: 'v1' })).toThrow(TOLD(digits))
    },
  )

  it('in YAML too', async () => {
    const text = 'spec: {terminationGracePeriodSeconds: 9223372036854775807}'
    await expect(decoded(text, 'application/yaml')).rejects.toThrow(TOLD('9223372036854775807'))
  })

  it('and what is exact is taken, to the last digit', async () => {
    const spec = { terminationGracePeriodSeconds: 9007199254740991, containers: [] }
    expect(await decoded(JSON.stringify({ spec }))).toMatchObject({
      spec: { terminationGracePeriodSeconds: 9007199254740991 },
    })
    const annotations = { a: '3546343826724306832' }
    const limits = { memory: '9007199254740993', cpu: '9223372036854775807n' }
    const text = JSON.stringify({ metadata: { annotations }, spec: { containers: [{ resources: { limits } }] } })
    expect(await decoded(text)).toMatchObject({
      metadata: { annotations },
      spec: { containers: [{ resources: { limits } }] },
    })
  })

  it('is asked of numbers alone', () => {
    expect(roundedInteger('{"a":"9007199254740993","9007199254740993":"\\"9007199254740993"}')).toBeUndefined()
    expect(roundedInteger('[0.12345678901234567890, 1e300, 12345678901234567e-3, 9007199254740992]')).toBeUndefined()
    expect(roundedInteger('["x", -9007199254740993]')).toBe('-9007199254740993')
  })
})
