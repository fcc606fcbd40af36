/** The command line as people see it: verbs, options, help that teaches. What a verb does is handed in. */
import { Command, Option } from 'commander'
import type { RawUpOptions } from './up.ts'

export interface Verbs {
  up(options: RawUpOptions & { lang?: string }): Promise<void>
  down(options: { port?: string; lang?: string }): Promise<void>
  status(options: { port?: string; lang?: string }): Promise<void>
  url(target: string, options: UrlOptions): Promise<void>
  report(options: { lang?: string }): Promise<void>
  version(): void
}

export interface UrlOptions {
  readonly port?: string
  readonly namespace?: string
  readonly lang?: string
}

const EXAMPLES = `
Examples:
  ebb up                                        a cluster with one node; its data stays for the next time
  ebb up --ephemeral --port 0                   in memory, on any free port: for tests
  ebb up --image my-app:latest=./app            pods with the image my-app:latest run the program in ./app
  ebb up --detach && kubectl get nodes          in the background; "ebb down" ends it
  ebb url service/web                           an address on this machine that reaches the Service
  ebb report                                    what a careless and a careful app lose when their pods end

What an image means here: there are no images to pull. A container with a command runs that command from this machine's PATH;
--image maps a reference to a folder (with an ebb.json or a package.json "start") or to an executable; ebb/echo is built in.
`

export function program(verbs: Verbs): Command {
  const root = new Command('ebb')
    .description('A Kubernetes control plane and node in one process tree, whose main subject is how a pod ends.')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(ebb --help shows what there is)')
  const lang = () => new Option('--lang <en|ko>', 'language of messages (default: from LANG)')
  const port = () => new Option('--port <port>', 'which one, when several run')
  root
    .command('up')
    .description('start a cluster and stay in the foreground; Ctrl-C ends its pods gracefully, a second one at once')
    .option('--port <port>', 'port of the API server on 127.0.0.1; 0 takes a free one', '6443')
    .option('--data <dir>', 'folder for objects and certificates (default: ~/.local/share/ebb)')
    .option('--ephemeral', 'keep everything in memory and leave nothing behind')
    .option('--token <token>', 'a bearer token for the administrator, beside the client certificate')
    .option('--kubeconfig <file>', "where to write the kubeconfig; never overwrites somebody else's")
    .option('--nodes <n>', 'how many nodes', '1')
    .option('--no-node', 'the control plane alone')
    .option('--image <ref=path>', 'what an image reference runs; may be given again', gather, [])
    .option('--detach', 'return when it is ready; "ebb down" ends it')
    .addOption(lang())
    .action((options) => verbs.up(options))
  root
    .command('down')
    .description('end a running cluster: pods gracefully, then everything')
    .addOption(port())
    .addOption(lang())
    .action((options) => verbs.down(options))
  root
    .command('status')
    .description('what runs: clusters, nodes, pods by phase, what is terminating')
    .addOption(port())
    .addOption(lang())
    .action((options) => verbs.status(options))
  root
    .command('url <target>')
    .description('print an address on this machine that reaches service/NAME[:PORT] or pod/NAME:PORT')
    .option('-n, --namespace <namespace>', 'namespace', 'default')
    .addOption(port())
    .addOption(lang())
    .action((target, options) => verbs.url(target, options))
  root
    .command('report')
    .description(
      'the first termination report: a careless and a careful app under load, their pods ended, the requests lost',
    )
    .addOption(lang())
    .action((options) => verbs.report(options))
  root
    .command('version')
    .description('versions of ebb and of the Kubernetes API it speaks')
    .action(() => verbs.version())
  return root
}

const gather = (value: string, all: readonly string[]): string[] => [...all, value]
