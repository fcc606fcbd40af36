#!/usr/bin/env node
/** The command `ebb`. Thin: the words are in cli/, starting things is in up.node.ts; loaded only when their verb is called. */
import { setMaxListeners } from 'node:events'
import { CliError } from '../cli/cli-error.ts'
import { languageOf } from '../cli/language.ts'
import { program } from '../cli/program.ts'
import { EBB_VERSION, KUBERNETES_VERSION } from './versions.ts'

// The signal of a lifetime has as many listeners as there are things to end with it.
setMaxListeners(0)

const language = (options: { lang?: string }) => languageOf(process.env, options.lang)

const root = program({
  up: async (raw) => {
    const [{ upOptions }, { up }] = await Promise.all([import('../cli/up.ts'), import('./up.node.ts')])
    await up(upOptions(raw), language(raw))
    // What was started has ended; what was only starting ends with this process.
    process.exit()
  },
  down: async (options) => (await import('./down.node.ts')).down(options.port, language(options)),
  status: async (options) => (await import('./running.node.ts')).status(options.port, language(options)),
  url: async (target, options) => (await import('./running.node.ts')).url(target, options),
  report: async (options) => (await import('./report.node.ts')).report(language(options)),
  version: () => void process.stdout.write(`ebb ${EBB_VERSION}, Kubernetes API ${KUBERNETES_VERSION}\n`),
})

try {
  await root.parseAsync(process.argv)
} catch (error) {
  if (!(error instanceof CliError)) throw error
  process.stderr.write(`ebb: ${error.message}\n`)
  process.exitCode = error.exitCode
}
