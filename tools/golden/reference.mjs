/** Where the recordings are: EBB_SHARED, else `shared` beside the checkout. The product never needs them. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** The folder below the reference data, or undefined where it is absent. */
export function reference(...path) {
  const shared = process.env.EBB_SHARED ?? join(root, '..', 'shared')
  const folder = join(shared, ...path)
  return existsSync(folder) ? folder : undefined
}

export const absent = (what) =>
  `${what} is not here: set EBB_SHARED to the folder that holds golden/ and kubernetes-1.36/ (recordings of real Kubernetes)`

/** The names in the file that `--list` names; undefined without one. */
export const listed = (file) => (file ? new Set(readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)) : undefined)

/** `--name value` and `--flag` as an object; refuses what is not in `known` ({name: 'value' | 'flag'}). */
export function flags(args, known) {
  const out = {}
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, '')
    if (!args[i].startsWith('--') || !(name in known))
      throw new Error(`unknown argument ${args[i]}; known: --${Object.keys(known).join(' --')}`)
    out[name] = known[name] === 'flag' ? true : args[++i]
  }
  return out
}
