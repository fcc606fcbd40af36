/** The samples that the package ships, in the order of the first report. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** `root`: the package's folder, which holds `examples/`. */
export function readSamples(root: string): Promise<readonly string[]> {
  return Promise.all(
    ['careless', 'careful'].map((name) => readFile(join(root, 'examples', 'first-report', `${name}.yaml`), 'utf8')),
  )
}
