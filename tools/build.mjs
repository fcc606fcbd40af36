#!/usr/bin/env node
/**
 * Bundles src/ into dist/: one small entry for the command line, one for the node process, one for the demo image, shared code
 * in chunks that are loaded when first needed. Native modules stay outside.
 */
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { build } = await import('esbuild').catch(() => {
  console.error('ebb: not built: esbuild is missing (it is a development dependency; run `npm ci` without --omit=dev)')
  process.exit(process.argv.includes('--if-possible') ? 0 : 1)
})

const entries = { ebb: 'src/main/ebb.node.ts', node: 'src/main/node.node.ts', echo: 'src/main/echo.node.ts' }
rmSync(join(root, 'dist'), { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(join(root, file)))),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  sourcemap: process.argv.includes('--sourcemap') ? 'linked' : false,
  legalComments: 'none',
  external: ['lmdb'],
  banner: {
    js: "import{createRequire as __cr}from'node:module';import{fileURLToPath as __fp}from'node:url';import{dirname as __dn}from'node:path';const require=__cr(import.meta.url);const __filename=__fp(import.meta.url);const __dirname=__dn(__filename);",
  },
  logLevel: 'warning',
})
if (existsSync(join(root, 'dist/ebb.mjs'))) chmodSync(join(root, 'dist/ebb.mjs'), 0o755)
