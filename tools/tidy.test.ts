import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
// @ts-expect-error plain JavaScript, so that it runs before anything is built
import { bareCode, cycles, importsOf, layerErrors, seamErrors } from './layers.mjs'

describe('the import table', () => {
  it.each([
    ['src/store/a.ts', "import type { Pod } from '../api/types/core-v1.gen.ts'", 'store may not import src/api'],
    ['src/kubelet/a.ts', "import { x } from '../controllers/x.ts'", 'kubelet may not import src/controllers'],
    ['src/apiserver/a.ts', "import { x } from '../store/store.ts'", 'apiserver may not import src/store'],
    [
      'src/registry/a.ts',
      "import { pod } from '../resources/core/pod.ts'",
      'registry may not import src/resources/core/pod.ts',
    ],
    ['src/kubelet/a.ts', "import { x } from './b.node.ts'", 'only main and *.node.ts may import'],
    ['src/kubelet/a.ts', "import fs from 'node:fs'", 'only *.node.ts may'],
    ['src/kubelet/a.ts', "import { setTimeout as pause } from 'timers/promises'", 'only *.node.ts may'],
    ['src/kubelet/a.ts', "import {\n  a,\n  b,\n} from '../store/store.ts'", 'kubelet may not import src/store'],
    ['src/kubelet/a.ts', "export * from '../store/store.ts'", 'kubelet may not import src/store'],
    ['src/kubelet/a.ts', "const m = await import('../store/store.ts')", 'kubelet may not import src/store'],
    ['src/elsewhere/a.ts', '', 'is in no layer'],
    ['src/sim/a.ts', "import { x } from '../base/clock.node.ts'", 'only main and *.node.ts may import'],
  ])('refuses %s: %s', (file, text, message) => {
    expect(layerErrors(file, text).join('\n')).toContain(message)
  })

  it.each([
    ['src/kubelet/a.ts', "import { x } from './plan.ts'\nimport type { Pod } from '../api/types/core-v1.gen.ts'"],
    ['src/registry/a.ts', "import type { ResourceDeclaration } from '../resources/declaration.ts'"],
    ['src/main/a.ts', "import { x } from '../kubelet/server.node.ts'"],
    ['src/kubelet/a.node.ts', "import fs from 'node:fs'"],
  ])('lets %s through', (file, text) => {
    expect(layerErrors(file, text)).toEqual([])
  })

  it('sees through comments and quotes, not through code', () => {
    expect(bareCode("const a = 'Date' // Date\n/* Date */")).not.toContain('Date')
    expect(seamErrors('src/api/a.ts', "// Date\nconst x = 'setTimeout('")).toEqual([])
    expect(seamErrors('src/api/a.ts', 'const t = Date.now()')).toHaveLength(1)
    expect(seamErrors('src/api/a.ts', 'setTimeout(f, 1)')).toHaveLength(1)
    expect(seamErrors('src/api/a.node.ts', 'setTimeout(f, 1)')).toEqual([])
  })

  it.each([
    ['new Date()', 'Date'],
    ['const text = `at ${' + 'Date.now()}`', 'Date'],
    ['const later = setTimeout', 'timers'],
    ['globalThis.setInterval(f, 1)', 'timers'],
    ['const n = Math.random()', 'Math.random'],
    ['const { env } = process', 'process'],
    ['await fetch(url)', 'fetch'],
    ['Buffer.from(x)', 'Buffer'],
  ])('sees the machine in %s', (code, what) => {
    expect(seamErrors('src/kubelet/a.ts', code).join()).toContain(`uses ${what}`)
  })

  it('finds cycles', () => {
    expect(
      cycles(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['a']],
        ]),
      ),
    ).toEqual(['a -> b -> c -> a'])
    expect(
      cycles(
        new Map([
          ['a', ['b', 'c']],
          ['b', ['c']],
          ['c', []],
        ]),
      ),
    ).toEqual([])
    expect(importsOf("import 'x'\nimport a, { type B } from './y.ts'")).toEqual(['x', './y.ts'])
  })
})

/** Runs a check of `npm test` in a repository of its own that holds these files. */
function check(
  files: Readonly<Record<string, string>>,
  command: readonly string[],
): { code: number | null; out: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ebb-tidy-'))
  try {
    spawnSync('git', ['init', '-q'], { cwd: folder })
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' })
    return { code: status, out: stdout + stderr }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const root = fileURLToPath(new URL('..', import.meta.url))
const tidy = [join(root, 'tools/tidy.mjs')]

describe('the check of a whole repository', () => {
  it('passes what is in order, and fails for each rule that is broken', () => {
    expect(check({ 'src/base/a.ts': 'export const a = 1\n' }, tidy)).toMatchObject({ code: 0 })
    const { code, out } = check(
      {
        'src/base/a.ts': "import { b } from './b.ts'\nexport const a = b\n",
        'src/base/b.ts': "import type { a } from './a.ts'\nexport const b = 1 as unknown as typeof a\n",
        'src/base/clock.ts': 'export const now = () => Date.now()\n',
        'src/base/long.ts': '\n'.repeat(500),
        'src/base/utils.ts': '',
        'src/nowhere/c.ts': '',
        'src/kubelet/d.ts': "import '../registry/write.ts'\n",
      },
      tidy,
    )
    expect(code).toBe(1)
    for (const sentence of [
      'cycle: src/base/a.ts -> src/base/b.ts -> src/base/a.ts',
      'src/base/clock.ts:1: uses Date (take a Clock) outside *.node.ts',
      'src/base/long.ts: 501 lines, at most 500',
      'src/base/utils.ts: a name that says nothing',
      'src/nowhere/c.ts: is in no layer',
      'src/kubelet/d.ts: kubelet may not import src/registry/write.ts',
    ])
      expect(out).toContain(sentence)
  })
})

describe('the linter', () => {
  const biome = [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'lint', '--max-diagnostics=50', '.']

  it('sees promises that nobody waits for, whoever made them', () => {
    const { code, out } = check(
      {
        'biome.json': '{"linter": {"rules": {"recommended": false, "nursery": {"noFloatingPromises": "error"}}}}',
        'port.ts': 'export interface Port { send(): Promise<void> }\nexport async function work(): Promise<void> {}\n',
        'a.ts': [
          "import { type Port, work } from './port.ts'",
          'export function careless(port: Port, given: () => Promise<void>): void {',
          '  work()',
          '  port.send()',
          '  given()',
          '  work().then(() => 1)',
          '}',
          'export class Owner {',
          '  private readonly port: Port',
          '  constructor(port: Port) {',
          '    this.port = port',
          '  }',
          '  go(): void {',
          '    this.port.send()',
          '    this.own()',
          '  }',
          '  private async own(): Promise<void> {}',
          '}',
          'export async function careful(port: Port): Promise<void> {',
          '  await work()',
          '  void port.send()',
          '}',
          '',
        ].join('\n'),
      },
      biome,
    )
    expect(code).toBe(1)
    const lines = [...out.matchAll(/a\.ts:(\d+):\d+ lint\/nursery\/noFloatingPromises/g)].map((m) => Number(m[1]))
    expect(lines).toEqual([3, 4, 5, 6, 14, 15])
  })
})
