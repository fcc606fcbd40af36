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
