import { describe, expect, it } from 'vitest'
import {
  configKeyErrors,
  environmentNameErrors,
  labelNameErrors,
  labelValueErrors,
  pathSegmentErrors,
  portNameErrors,
  qualifiedNameErrors,
  subdomainErrors,
} from './names.ts'

type Rule = (value: string) => readonly string[]

const fine: readonly [string, Rule, readonly string[]][] = [
  ['subdomain', subdomainErrors, ['a', 'a-b', 'a.b', '1a', 'x'.repeat(253)]],
  ['label', labelNameErrors, ['a', '0', 'a-b', 'x'.repeat(63)]],
  ['qualified name', qualifiedNameErrors, ['a', 'A_b.c', 'example.com/Name', 'x'.repeat(63)]],
  ['label value', labelValueErrors, ['', 'a', 'A_b.c-1', 'x'.repeat(63)]],
  ['port name', portNameErrors, ['http', 'http-2', 'a1b2c3d4e5f6g7h']],
  ['config key', configKeyErrors, ['a', 'A_b-c.d', '.hidden', 'x'.repeat(253)]],
  ['environment name', environmentNameErrors, ['A', '1 a', 'a.b-c', '~']],
  ['path segment', pathSegmentErrors, ['system:node', 'A B', '...']],
]

describe.each(fine)('%s', (_name, rule, values) => {
  it.each(values)('accepts %s', (value) => {
    expect(rule(value)).toEqual([])
  })
})

const wrong: readonly [string, Rule, string, readonly string[]][] = [
  ['subdomain', subdomainErrors, 'x'.repeat(254), ['must be no more than 253 characters']],
  ['subdomain', subdomainErrors, 'A', ['a lowercase RFC 1123 subdomain']],
  ['subdomain', subdomainErrors, '-a', ['a lowercase RFC 1123 subdomain']],
  ['subdomain', subdomainErrors, 'a..b', ['a lowercase RFC 1123 subdomain']],
  ['label', labelNameErrors, 'a.b', ['must not contain dots']],
  ['label', labelNameErrors, 'a_b', ['a lowercase RFC 1123 label']],
  [
    'label',
    labelNameErrors,
    `${'x'.repeat(64)}-`,
    ['must be no more than 63 characters', 'a lowercase RFC 1123 label'],
  ],
  ['qualified name', qualifiedNameErrors, '', ['name part must be non-empty', 'name part must consist of']],
  ['qualified name', qualifiedNameErrors, '/x', ['prefix part must be non-empty']],
  ['qualified name', qualifiedNameErrors, 'A/x', ['prefix part a lowercase RFC 1123 subdomain']],
  ['qualified name', qualifiedNameErrors, 'a/b/c', ['a qualified name must consist of']],
  ['qualified name', qualifiedNameErrors, 'x'.repeat(64), ['name part must be no more than 63 bytes']],
  ['label value', labelValueErrors, 'x'.repeat(64), ['must be no more than 63 bytes']],
  ['label value', labelValueErrors, 'a b', ['a valid label must be an empty string']],
  ['port name', portNameErrors, '80', ['must contain at least one letter (a-z)']],
  ['port name', portNameErrors, 'a--b', ['must not contain consecutive hyphens']],
  ['port name', portNameErrors, '-a', ['must not begin or end with a hyphen']],
  ['config key', configKeyErrors, '..', ["must not be '..'"]],
  ['config key', configKeyErrors, '..a', ["must not start with '..'"]],
  ['environment name', environmentNameErrors, 'a=b', ['a valid environment variable name must consist only of']],
  ['path segment', pathSegmentErrors, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  ['path segment', pathSegmentErrors, '..', ["may not be '..'"]],
]

it.each(wrong)('%s refuses %#', (_name, rule, value, beginnings) => {
  const messages = rule(value)
  expect(messages.map((message, i) => message.slice(0, beginnings[i]?.length))).toEqual(beginnings)
})
