import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseYaml } from './parse.ts'
import { writeYaml } from './write.ts'

const refused = (sentence: string) => new Error(sentence)

/** What kubectl makes of these texts as the file of a patch: the same library reads them there. */
const RECORDED: readonly (readonly [text: string, result: unknown])[] = [
  [
    'a: yes\nb: y\nc: n\nd: 010\ne: 0o10\nf: 0x1F\ng: 1_000\nh: 1e3\ni: .5\nj: 5.\nk: 2020-01-01\nl: 12:30\nm: ~\nn: 0b11\no: -0b11\np: +1\nq: 08\nr: 1__0\ns: _1\nt: -\nu: .\n',
    refused('yaml: line 20: block sequence entries are not allowed in this context'),
  ],
  ['a: |\n  x\n   y\n\n  z\n\n', { a: 'x\n y\n\nz\n' }],
  ['a: |-\n  x\n\n', { a: 'x' }],
  ['a: |+\n  x\n\n\n', { a: 'x\n\n\n' }],
  ['a: >\n  x\n  y\n\n  z\n   w\n  v\n', { a: 'x y\nz\n w\nv\n' }],
  ['a: >-\n\n  x\n  y\n', { a: '\nx y' }],
  ['a: |2\n   x\n  y\n', { a: ' x\ny\n' }],
  ['a: |0\n x\n', refused('yaml: found an indentation indicator equal to 0')],
  ['a: |\n\tx\n', refused('yaml: line 2: found a tab character where an indentation space is expected')],
  ['a: | x\n y\n', refused('yaml: did not find expected comment or line break')],
  ['a: |+1\n  x\n', { a: ' x\n' }],
  ['a: |1+\n  x\n', { a: ' x\n' }],
  ['a: "x\\ny\\u00e9\\x41\\U0001F600"\n', { a: 'x\ny\u00e9A\ud83d\ude00' }],
  ['a: "x\n  y\n\n  z"\n', { a: 'x y\nz' }],
  ["a: 'it''s\n  b'\n", { a: "it's b" }],
  ['a: "x\\\n   y"\n', { a: 'xy' }],
  ['a: "\\q"\n', refused('yaml: found unknown escape character')],
  ['a: "\\ud800"\n', refused('yaml: found invalid Unicode character escape code')],
  ['a: "\\u12"\n', refused('yaml: did not find expected hexdecimal number')],
  ['a: "x\n', refused('yaml: line 2: found unexpected end of stream')],
  ["a: 'x\n", refused('yaml: line 2: found unexpected end of stream')],
  ['a: x\n  y\n z\n', { a: 'x y z' }],
  ['a: x #c\n', { a: 'x' }],
  ['a: x#c\n', { a: 'x#c' }],
  ['a: [1, 2, {b: c}, d: e, "f": g]\n', { a: [1, 2, { b: 'c' }, { d: 'e' }, { f: 'g' }] }],
  ['a: {b, c: d, e: }\n', { a: { b: null, c: 'd', e: null } }],
  ['a: {b:c}\n', { a: { 'b:c': null } }],
  ['a: [a b, c]\n', { a: ['a b', 'c'] }],
  ['a: [\n1,\n2\n]\n', { a: [1, 2] }],
  ['a: [1 2\n', refused("yaml: line 1: did not find expected ',' or ']'")],
  ['a: {1 2\n', refused("yaml: line 1: did not find expected ',' or '}'")],
  ['a: [1,,2]\n', refused('yaml: did not find expected node content')],
  ['a: [,]\n', refused('yaml: did not find expected node content')],
  ['a: ]\n', refused('yaml: did not find expected node content')],
  ['a: }\n', refused('yaml: did not find expected node content')],
  ['a: [}\n', refused('yaml: did not find expected node content')],
  ['a: {]\n', refused('yaml: did not find expected node content')],
  ['a:\n- 1\n- 2\nb: 3\n', { a: [1, 2], b: 3 }],
  ['a:\n  - 1\n  -\n  - - 2\n    - 3\n', { a: [1, null, [2, 3]] }],
  ['- 1\n- 2\n', [1, 2]],
  ['a: &x 1\nb: *x\n', { a: 1, b: 1 }],
  ['b: *x\n', refused("yaml: unknown anchor 'x' referenced")],
  ['a: &a [*a]\n', refused("yaml: anchor 'a' value contains itself")],
  ['a: &a {b: *a}\n', refused("yaml: anchor 'a' value contains itself")],
  ['a: &x {b: 1, c: 2}\nd:\n  b: 5\n  <<: *x\n  c: 7\n', { a: { b: 1, c: 2 }, d: { b: 1, c: 7 } }],
  ['x: &x {a: 1}\ny: &y {a: 2, b: 3}\nz: {<<: [*x, *y]}\n', { x: { a: 1 }, true: { a: 2, b: 3 }, z: { a: 1, b: 3 } }],
  ['a: {<<: 1}\n', refused('yaml: map merge requires map or sequence of maps as the value')],
  ['a: {<<: [1]}\n', refused('yaml: map merge requires map or sequence of maps as the value')],
  ['a: {<<: null}\n', refused('yaml: map merge requires map or sequence of maps as the value')],
  ['a: {"<<": {b: 1}}\n', { a: { '<<': { b: 1 } } }],
  ['a: {<<: {b: 1}}\n', { a: { b: 1 } }],
  ['a: {!!merge <<: {b: 1}}\n', { a: { b: 1 } }],
  [
    'a: !!str 1\nb: !!int "3"\nc: !!float 1\nd: !foo bar\ne: !!binary aGk=\nf: ! 12\ng: !!str\nh: !<tag:yaml.org,2002:str> 5\n',
    { a: '1', b: 3, c: 1, d: 'bar', e: 'hi', f: '12', g: '', h: '5' },
  ],
  ['a: !!int x\n', refused('yaml: cannot decode !!str `x` as a !!int')],
  ['a: !!binary "*"\n', refused('yaml: !!binary value contains invalid base64 data')],
  ['a: !x!y z\n', refused('yaml: found undefined tag handle')],
  ['%TAG !x! tag:yaml.org,2002:\n---\na: !x!str 5\n', { a: '5' }],
  ['%YAML 1.1\n---\na: 1\n', { a: 1 }],
  ['%YAML 2.0\n---\na: 1\n', refused('yaml: found incompatible YAML document')],
  ['%FOO\n---\na: 1\n', refused('yaml: found unknown directive name')],
  ['%YAML 1.1\na: 1\n', refused('yaml: line 1: did not find expected <document start>')],
  ['---\na: 1\n---\nb: 2\n', { a: 1 }],
  ['a: 1\n...\n', { a: 1 }],
  ['...\n', refused('yaml: did not find expected node content')],
  ['', null],
  ['\n', null],
  ['# c\n', null],
  ['---\n', null],
  ['--- a\n', 'a'],
  ['a: 1\nb\n', refused("yaml: line 3: could not find expected ':'")],
  ['a: 1\nb\nc: 2\n', refused("yaml: line 3: could not find expected ':'")],
  ['a: 1\n b: 2\n', refused('yaml: line 2: mapping values are not allowed in this context')],
  ['a: b: c\n', refused('yaml: mapping values are not allowed in this context')],
  ['x\na: b: c\n', refused('yaml: line 2: mapping values are not allowed in this context')],
  ['a: 1\n  b: 2\n', refused('yaml: line 2: mapping values are not allowed in this context')],
  ['a:\n  b: 1\n c: 2\n', refused('yaml: line 2: did not find expected key')],
  ['a:\n  b: 1\n   c: 2\n', refused('yaml: line 3: mapping values are not allowed in this context')],
  ['\ta: 1\n', refused('yaml: found character that cannot start any token')],
  ['a:\n\tb: 1\n', refused('yaml: line 2: found character that cannot start any token')],
  ['a: \t1\n', { a: 1 }],
  ['a: @x\n', refused('yaml: found character that cannot start any token')],
  ['a: `x\n', refused('yaml: found character that cannot start any token')],
  ['a: %x\n', refused('yaml: found character that cannot start any token')],
  ['- a\nb: 1\n', refused("yaml: line 1: did not find expected '-' indicator")],
  ['a: - b\n', refused('yaml: block sequence entries are not allowed in this context')],
  ['a: ? b\n', refused('yaml: mapping keys are not allowed in this context')],
  ['? a\n: b\n', { a: 'b' }],
  ['? a\n', { a: null }],
  ['? [a]\n: b\n', refused('yaml: invalid map key: []interface {}{"a"}')],
  ['? {a: b}\n: c\n', refused('yaml: invalid map key: map[interface {}]interface {}{"a":"b"}')],
  ['? - a\n: c\n', refused('yaml: invalid map key: []interface {}{"a"}')],
  ['1: a\ntrue: b\n1.5: c\nnull: d\n', refused('unsupported map key of type: %!s(<nil>), key: <nil>, value: "d"')],
  ['~: a\n', refused('unsupported map key of type: %!s(<nil>), key: <nil>, value: "a"')],
  ['1: a\n', { '1': 'a' }],
  ['true: b\n', { true: 'b' }],
  ['a: .inf\n', refused('json: unsupported value: +Inf')],
  ['a: .nan\n', refused('json: unsupported value: NaN')],
  ['a: -.inf\n', refused('json: unsupported value: -Inf')],
  ['a: 1e400\n', { a: '1e400' }],
  ['a: \u0000\n', refused('yaml: control characters are not allowed')],
  ['a: \u0007\n', refused('yaml: control characters are not allowed')],
  ['\ufeffa: 1\n', { a: 1 }],
  ['a: \u2028b\n', refused("yaml: line 3: could not find expected ':'")],
  ['a: \u0085 b\n', { a: 'b' }],
  ['a: &\n', refused('yaml: did not find expected alphabetic or numeric character')],
  ['a: & b\n', refused('yaml: did not find expected alphabetic or numeric character')],
  ['a: *\n', refused('yaml: did not find expected alphabetic or numeric character')],
  ['a: &a &b c\n', refused('yaml: did not find expected key')],
  ['a: !x !y c\n', refused('yaml: did not find expected key')],
  ['a: &a\nb: *a\n', { a: null, b: null }],
  ['&a a: 1\n*a : 2\n', { a: 2 }],
  ['a: [*x]\n', refused("yaml: unknown anchor 'x' referenced")],
  ['a: "b" c\n', refused('yaml: did not find expected key')],
  ['a: "b": c\n', refused('yaml: mapping values are not allowed in this context')],
  ['"a": 1\n', { a: 1 }],
  ["'a': 1\n", { a: 1 }],
  ['"a\nb": 1\n', refused('yaml: line 2: mapping values are not allowed in this context')],
  ['a\nb: 1\n', refused('yaml: line 2: mapping values are not allowed in this context')],
  ['{a: 1}\n', { a: 1 }],
  ['{a: 1} b\n', { a: 1 }],
  ['{a: 1}\nb: 2\n', { a: 1 }],
  ['[a]: b\n', refused('yaml: invalid map key: []interface {}{"a"}')],
  ['a: |\nb: 1\n', { a: '', b: 1 }],
  ['a: >\n\nb: 1\n', { a: '', b: 1 }],
  ['k: v\nk: w\n', { k: 'w' }],
  ['a: {b: 1, b: 2}\n', { a: { b: 2 } }],
  ['1: a\n"1": b\n', { '1': 'b' }],
  ['a:   b  \n', { a: 'b' }],
  ['a: b\r\nc: d\r\n', { a: 'b', c: 'd' }],
  ['a: "b\r\n  c"\r\n', { a: 'b c' }],
  ['a: |\r\n  b\r\n  c\r\n', { a: 'b\nc\n' }],
  ['- - a\n  - b\n- c\n', [['a', 'b'], 'c']],
  ['a:\n-\n  b: 1\n- c: 2\n  d: 3\n', { a: [{ b: 1 }, { c: 2, d: 3 }] }],
  ['a: [a?b, c]\n', refused("yaml: did not find expected ',' or ']'")],
  ['a: {?b: c}\n', { a: { b: 'c' } }],
  ['a: {b:}\n', { a: { 'b:': null } }],
  ['a: {b: , c}\n', { a: { b: null, c: null } }],
  ['a: {: b}\n', refused('yaml: did not find expected node content')],
  ['a: [: b]\n', refused('yaml: did not find expected node content')],
  ['a: ::\n', refused('yaml: mapping values are not allowed in this context')],
  ['a: b:\n', refused('yaml: mapping values are not allowed in this context')],
  ['a:b: c\n', { 'a:b': 'c' }],
  ['a: -b\n', { a: '-b' }],
  ['a: --\n', { a: '--' }],
  ['a: - \n', refused('yaml: block sequence entries are not allowed in this context')],
  ['a: !\n', { a: '' }],
  ['a: !! x\n', refused('yaml: did not find expected tag URI')],
  ['a: {b: [c, {d: "e"}]}\n', { a: { b: ['c', { d: 'e' }] } }],
  ["a: 'b\n---\nc'\n", refused('yaml: line 2: found unexpected document indicator')],
  ['a: x\n---\n', { a: 'x' }],
  ['a: "x\n--- y"\n', refused('yaml: line 2: found unexpected document indicator')],
  ['a: <<\n', { a: '<<' }],
  ['<<: {a: 1}\nb: 2\n', { a: 1, b: 2 }],
  ['a: null\nb: [null, ~]\n', { a: null, b: [null, null] }],
  [
    'a: 0\nb: 00\nc: -0\ne: 1.0\nf: 1e2\ng: 1.5e-7\nh: 123456789012345680000\n',
    { a: 0, b: 0, c: 0, e: 1, f: 100, g: 1.5e-7, h: 123456789012345680000 },
  ],
  [
    'a: 0x\nb: 0b\nc: 0o\nd: 0x_1\ne: 1_\nf: +\ng: +.5\nh: -.5e3\ni: 1e\n',
    { a: '0x', b: '0b', c: '0o', d: 1, e: 1, f: '+', g: 0.5, h: -500, i: '1e' },
  ],
  [
    'a: +0x10\nb: -0x10\nc: -010\nd: 0b2\ne: 0B1\nf: 0O7\ng: 0X1f\n',
    { a: 16, b: -16, c: -8, d: '0b2', e: 1, f: 7, g: 31 },
  ],
]

describe('YAML as Kubernetes reads it', () => {
  it.each(RECORDED)('%j', (text, result) => {
    if (result instanceof Error) expect(() => parseYaml(text)).toThrow(result.message)
    else expect(parseYaml(text).value).toEqual(result)
  })

  it('needs the colon of a key on its line, and within 1024 characters', () => {
    const key = 'k'.repeat(1030)
    expect(() => parseYaml(`${key}: v\n`)).toThrow('yaml: mapping values are not allowed in this context')
    expect(() => parseYaml(`a:\n  ${key}: v\n`)).toThrow('yaml: line 2: mapping values are not allowed')
    expect(() => parseYaml(`a: {${key}: v}\n`)).toThrow("yaml: did not find expected ',' or '}'")
  })

  it('says which keys come twice, the last of which counts', () => {
    const { value, duplicates } = parseYaml('a: 1\nb: {c: 1, c: 2}\na: 3\n1: x\n1: z\n')
    expect(value).toEqual({ a: 3, b: { c: 2 }, 1: 'z' })
    expect(duplicates).toEqual([
      'line 2: key "c" already set in map',
      'line 3: key "a" already set in map',
      'line 5: key 1 already set in map',
    ])
  })

  it('lets aliases unfold to so much and no more', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)
    expect(() => parseYaml(['a0: &a0 x', ...levels].join('\n'))).toThrow('yaml: document contains excessive aliasing')
    const merges = Array.from({ length: 2000 }, (_, i) => `a${i + 1}: &a${i + 1} {<<: *a${i}, k${i}: 1}`)
    expect(() => parseYaml(['a0: &a0 {}', ...merges].join('\n'))).toThrow('yaml: document contains excessive aliasing')
  })

  it('nests as deep as the stack goes, and then says so', () => {
    for (const text of ['['.repeat(50_000), '- '.repeat(50_000), '{a: '.repeat(50_000), '? '.repeat(50_000)])
      expect(() => parseYaml(text)).toThrow(/^yaml: exceeded max depth of 10000$/)
  })

  it('reads back whatever is written', () => {
    // Line separators within a text are folded by the writer, which nobody's YAML survives.
    const text = fc.string({ unit: 'grapheme' }).filter((s) => !/[\x85\u2028\u2029]/.test(s))
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(text, tie('tree'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        expect(parseYaml(writeYaml({ value })).value).toEqual({ value: JSON.parse(JSON.stringify(value)) })
      }),
      { numRuns: 500 },
    )
  })
})
