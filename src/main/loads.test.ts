import { build, type Metafile } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'

/** What a program loads at its start is there all its life: what few need comes by import() when it is needed. */
describe('what is loaded at the start', () => {
  let outputs: Metafile['outputs']
  beforeAll(async () => {
    const { metafile } = await build({
      entryPoints: ['src/main/up.node.ts', 'src/main/node.node.ts'],
      outdir: 'dist',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      external: ['lmdb'],
      logLevel: 'silent',
      write: false,
      metafile: true,
    })
    outputs = metafile.outputs
  })

  /** Our files, packages and Node's modules in the static closure of an entry. */
  function loadedBy(entry: string): Set<string> {
    const loaded = new Set<string>()
    const seen = new Set<string>()
    const visit = (name: string) => {
      const output = outputs[name]
      if (!output || seen.has(name)) return
      seen.add(name)
      for (const input of Object.keys(output.inputs))
        loaded.add(/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? input)
      for (const { path, kind, external } of output.imports) {
        if (kind !== 'import-statement') continue
        if (external) loaded.add(path)
        else visit(path)
      }
    }
    visit(Object.keys(outputs).find((name) => outputs[name]?.entryPoint === entry) ?? '')
    return loaded
  }

  it('by the control plane: neither YAML nor X.509 nor a client over sockets', () => {
    const loaded = loadedBy('src/main/up.node.ts')
    expect(loaded).toContain('src/main/cluster.node.ts')
    for (const name of ['yaml', '@peculiar/x509', 'src/client/http.node.ts', 'src/wire/yaml/parse.ts'])
      expect(loaded).not.toContain(name)
  })

  it('by a node: no HTTP/2, no YAML, nothing of the API server', () => {
    const loaded = loadedBy('src/main/node.node.ts')
    expect(loaded).toContain('src/kubelet/kubelet.ts')
    expect([...loaded].filter((name) => /^(node:http2|yaml)$|^src\/(apiserver|registry|store)\//.test(name))).toEqual(
      [],
    )
  })
})
