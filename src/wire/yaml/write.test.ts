import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as yaml from 'yaml'
import { writeYaml, yamlPieces } from './write.ts'

/** The package's own writer, with Go's lone dot. */
const packages = (value: unknown) =>
  yaml
    .stringify(value, {
      version: '1.1',
      sortMapEntries: true,
      lineWidth: 0,
      indentSeq: false,
      aliasDuplicateObjects: false,
    })
    .replace(/^((?: |- )*)"\.":/gm, '$1.:')

const words = fc.constantFrom(
  ...[
    'yes',
    'No',
    'null',
    '~',
    '1',
    '010',
    '1e3',
    '0x1F',
    '.5',
    '-',
    '?',
    ': ',
    '#',
    'a: b',
    'nginx:1.27',
    '',
    ' ',
    '.',
  ],
  ...[
    '12345678-1234-1234-1234-123456789abc',
    '2026-01-01T00:00:00Z',
    '2026-01-01',
    '12:30',
    'a\nb',
    'a\n\n',
    '\na',
    '---',
  ],
  ...[
    'a\n b\n\n  c\n',
    'a \n',
    'say "x"\nand "y"',
    "it's",
    '\t',
    'ünïcödé',
    '💧',
    '*x',
    '&x',
    '!x',
    '|',
    '>',
    '%',
    '@',
    '<<',
  ],
  'long "quoted" text with an end of line\nand another one behind it \n ',
)
const texts = fc.oneof(
  words,
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\n', ':', '-') }),
)
/** A key that looks like the end of a document is quoted by the package at the margin only, by ebb everywhere. */
const keys = texts.filter((text) => !/^(?:---|\.\.\.)/m.test(text))
const { value: values } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    texts,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  ),
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

describe('YAML as it is written', () => {
  it('is as the package would write it', () => {
    fc.assert(
      fc.property(fc.record({ value: values }), (value) => {
        expect(writeYaml(value)).toBe(packages(value))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([[[]], [{}], ['text'], [null], [7], [[[]]], [{ a: undefined }], [{ ['k'.repeat(1100)]: { b: [1, 2] } }]])(
    'is the same for %j',
    (value) => expect(writeYaml(value)).toBe(packages(JSON.parse(JSON.stringify(value)))),
  )

  it('comes in chunks, and reads lists as their turn comes', () => {
    let read = 0
    const items = function* () {
      for (let i = 0; i < 20_000; i++) {
        read++
        yield { name: `item-${i}` }
      }
    }
    const pieces = yamlPieces({ kind: 'List', items: items() })[Symbol.iterator]()
    expect(Buffer.from(pieces.next().value as Uint8Array).toString()).toMatch(/^items:\n- name: item-0\n/)
    expect(read).toBeLessThan(10_000)
  })
})
