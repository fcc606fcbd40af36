/** The command line as people see it: verbs, options, help that teaches. What a verb does is handed in. */
import { Command, Option } from 'commander'
import { width } from '../base/columns.ts'
import { HELP, parserSays } from './help.ts'
import type { Language } from './text.ts'
import type { RawUpOptions } from './up.ts'

export interface Verbs {
  up(options: RawUpOptions): Promise<void>
  down(options: { port?: string }): Promise<void>
  status(options: { port?: string }): Promise<void>
  url(target: string, options: UrlOptions): Promise<void>
  imageMap(mappings: readonly string[], options: { readonly images?: string; readonly port?: string }): Promise<void>
  imageList(options: { readonly port?: string }): Promise<void>
  imageUnmap(references: readonly string[], options: { readonly port?: string }): Promise<void>
  report(): Promise<void>
  /** A line that names the versions. */
  readonly versions: string
}

export interface UrlOptions {
  readonly port?: string
  readonly namespace?: string
}

/** `language` is known before: whoever calls has looked at `--lang` and the environment. */
export function program(verbs: Verbs, language: Language): Command {
  const say = HELP[language]
  const root = new Command('ebb')
    .configureHelp({ displayWidth: width, styleTitle: (title) => say.titles[title] ?? title })
    .configureOutput({ outputError: (text, write) => write(parserSays(text, language)) })
    .version(verbs.versions, '-V, --version', say.version)
    .helpOption('-h, --help', say.help)
    .helpCommand('help [command]', say.helpVerb)
    .description(say.about)
    .addHelpText('after', say.examples)
    .showHelpAfterError(say.afterError('ebb'))
  const lang = () => new Option('--lang <en|ko>', say.lang)
  const port = () => new Option('--port <port>', say.whichPort)
  const verb = (usage: string, about: string) => {
    const command = root.command(usage).description(about)
    return command.showHelpAfterError(say.afterError(`ebb ${command.name()}`))
  }
  verb('up', say.up)
    .option('--port <port>', say.port)
    .option('--data <dir>', say.data)
    .option('--ephemeral', say.ephemeral)
    .option('--token <token>', say.token)
    .option('--kubeconfig <file>', say.kubeconfig)
    .option('--nodes <n>', say.nodes)
    .option('--no-node', say.noNode)
    .option('--image <ref=path>', say.image, gather)
    .option('--images <file>', say.images)
    .option('--detach', say.detach)
    .action((options) => verbs.up(options))
  verb('down', say.down)
    .addOption(port())
    .action((options) => verbs.down(options))
  verb('status', say.status)
    .addOption(port())
    .action((options) => verbs.status(options))
  verb('url <target>', say.url)
    .option('-n, --namespace <namespace>', say.namespace)
    .addOption(port())
    .action((target, options) => verbs.url(target, options))
  const image = verb('image', say.imageVerb).helpCommand(false)
  image
    .command('map [ref=path...]')
    .description(say.imageMap)
    .option('--images <file>', say.images)
    .addOption(port())
    .action((mappings, options) => verbs.imageMap(mappings, options))
  image
    .command('ls')
    .description(say.imageList)
    .addOption(port())
    .action((options) => verbs.imageList(options))
  image
    .command('unmap <ref...>')
    .description(say.imageUnmap)
    .addOption(port())
    .action((references, options) => verbs.imageUnmap(references, options))
  verb('report', say.report).action(() => verbs.report())
  verb('version', say.version).action(() => root.configureOutput().writeOut?.(`${verbs.versions}\n`))
  for (const command of [root, ...root.commands, ...image.commands]) command.addOption(lang())
  return root
}

const gather = (value: string, all: readonly string[] = []): string[] => [...all, value]
