#!/usr/bin/env node
/** The command `ebb`. Thin: the words are in cli/, starting things is in up.node.ts; loaded only when their verb is called. */
import { setMaxListeners } from 'node:events'
import { CliError } from '../cli/cli-error.ts'
import { languageOf } from '../cli/language.ts'
import { program, type Verbs } from '../cli/program.ts'
import { hideToken, tokenOfEnvironment } from './token-argument.node.ts'
import { EBB_VERSION, KUBERNETES_VERSION } from './versions.ts'

// The signal of a lifetime has as many listeners as there are things to end with it.
setMaxListeners(0)
hideToken()

// A reader that went away (`ebb status | head -1`), or a log on a full disk, is no reason to end a cluster.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

let language = languageOf(process.env)
try {
  language = languageOf(process.env, spoken(process.argv))
  await program(verbs(), language).parseAsync(process.argv)
} catch (error) {
  if (!(error instanceof CliError)) throw error
  process.stderr.write(`ebb: ${error.text[language]}\n`)
  process.exitCode = error.exitCode
}

function verbs(): Verbs {
  return {
    up: async (raw) => {
      const [{ upOptions }, { up }] = await Promise.all([import('../cli/up.ts'), import('./up.node.ts')])
      const token = raw.token ?? tokenOfEnvironment()
      await up(upOptions({ ...raw, ...(token ? { token } : {}) }), language)
      // What was started has ended; what was only starting ends with this process.
      process.exit()
    },
    down: async (options) => (await import('./down.node.ts')).down(options.port, language),
    status: async (options) => (await import('./running.node.ts')).status(options.port, language),
    url: async (target, options) => (await import('./running.node.ts')).url(target, options, language),
    imageMap: async (mappings, { images, port }) =>
      (await import('./image.node.ts')).imageMap(mappings, images, port, language),
    imageList: async ({ port }) => (await import('./image.node.ts')).imageList(port, language),
    imageUnmap: async (references, { port }) =>
      (await import('./image.node.ts')).imageUnmap(references, port, language),
    report: async () => (await import('./report.node.ts')).report(language),
    versions: `ebb ${EBB_VERSION}, Kubernetes API ${KUBERNETES_VERSION}`,
  }
}

/** What `--lang` says, before anything is parsed: help and errors are in that language too. */
function spoken(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((arg) => /^--lang(=|$)/.test(arg))
  return at < 0 ? undefined : (argv[at]?.split('=')[1] ?? argv[at + 1])
}
