/**
 * The runtime port, shaped after CRI. Implementations: runtimes/process.node.ts (real processes), runtimes/simulated.ts
 * (programs described by data, virtual time). One contract suite: runtimes/contract.ts.
 *
 * Contract in short: a container's main process is PID 1 of its pod's or its own PID namespace; PID 1 without a handler for the
 * stop signal does not die of it (where there is no PID namespace the runtime reads SigCgt and withholds the signal the same
 * way). `stopContainer` sends the stop signal, waits up to the grace, then KILLs; a stop already running is not shortened by
 * another. When a container has ended, nothing that it started is left. Exit codes: as waited for, 128+n for death by signal n.
 */
export type ContainerId = string
export type SandboxId = string

export interface SandboxConfig {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Restart count of the sandbox itself. */
  readonly attempt: number
  /** What the kernel and /etc/hostname say. */
  readonly hostname: string
  /** The pod's own names in /etc/hosts, the full one first when there is one. */
  readonly hostsNames: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly shareProcessNamespace: boolean
  /**
   * 'pod': its users are strangers to the host. 'node': its root is the user of the node, for pods that mount the host's own
   * files. Absent: 'node'. As the user namespace modes of CRI; a runtime without many ids has only 'node'.
   */
  readonly userNamespace?: 'pod' | 'node'
  readonly hostNetwork: boolean
  /** TCP ports that somebody will look for at the pod's address; only where pods share the host's network, see `port` below. */
  readonly ports?: readonly number[]
  readonly dns: {
    readonly servers: readonly string[]
    readonly searches: readonly string[]
    readonly options: readonly string[]
  }
  readonly hostAliases: readonly { readonly ip: string; readonly hostnames: readonly string[] }[]
  /** Directory for the pod's container logs. */
  readonly logDirectory: string
}

export interface SandboxStatus {
  readonly id: SandboxId
  readonly config: Pick<SandboxConfig, 'namespace' | 'name' | 'uid' | 'attempt'>
  readonly state: 'ready' | 'notready'
  readonly ip: string
  /** Set where pods share the host's network and must use their own PORT: given to containers as env PORT by the kubelet. */
  readonly port?: number
  readonly createdAtMs: number
}

/**
 * The security settings of one container, decided (security.ts): what the runtime gives its program, and every exec, hook and
 * probe in it. Numbers are those inside the container.
 */
export interface ContainerSecurity {
  /** undefined: the runtime's own choice, root where it has the choice. */
  readonly runAsUser?: number
  /** undefined: 0. */
  readonly runAsGroup?: number
  /** Beside the primary group; fsGroup is the first of them. Nothing is added from /etc/group. */
  readonly supplementalGroups: readonly number[]
  readonly readOnlyRootFilesystem: boolean
  /** No program may gain what its parent has not: setuid bits and file capabilities have no effect. */
  readonly noNewPrivileges: boolean
  /**
   * Upper case without `CAP_`, or `ALL`. As CRI has it: `ALL` in `add` begins with all of them, `ALL` in `drop` with none, else
   * the runtime's defaults are the beginning; then single ones are added, then single ones dropped.
   */
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] }
  readonly privileged: boolean
}

/** What a container gets that asks for nothing. */
export const DEFAULT_SECURITY: ContainerSecurity = {
  supplementalGroups: [],
  readOnlyRootFilesystem: false,
  noNewPrivileges: false,
  capabilities: { add: [], drop: [] },
  privileged: false,
}

/** Settings of a pod's security that a runtime may be unable to obey on its machine. */
export type SecurityFeature =
  | 'runAsUser'
  | 'supplementalGroups'
  | 'readOnlyRootFilesystem'
  | 'capabilities'
  | 'CAP_SYS_ADMIN'
  | 'allowPrivilegeEscalation'
  | 'privileged'
  | 'procMount'
  | 'seccompProfile'
  | 'seLinuxOptions'
  | 'hostPID'
  | 'hostIPC'
  | 'hostUsers'
  | 'sysctls'

/**
 * `image`: an image, or what stands for it. `tools`: an image of tools that the machine has itself, played by the machine.
 * `command`: there is no such image, but the container says itself what to run, a program of the machine.
 */
export type ImageSource = 'image' | 'tools' | 'command'

export interface ImageUser {
  readonly uid: number
  readonly gid?: number
}

export interface ContainerConfig {
  readonly name: string
  readonly attempt: number
  readonly image: string
  /** Empty: the image's own entry point and arguments. `command` replaces the entry point, `args` the arguments. */
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly workingDir: string
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly tty: boolean
  readonly stdin: boolean
  /** The input ends when the first client that attached to it ends it; absent: it never ends. */
  readonly stdinOnce?: boolean
  /** File for the log in CRI format, relative to the sandbox's log directory. */
  readonly logPath: string
  /** Path inside the container that the program may write its last words to, and the host file that they end up in. */
  readonly terminationMessagePath: string
  readonly mounts: readonly ContainerMount[]
  /** undefined: the image's, else SIGTERM. */
  readonly stopSignal?: string
  readonly security: ContainerSecurity
  /** Opaque to the runtime, kept with the container for whoever lists it after a restart of the node process. */
  readonly annotations: Readonly<Record<string, string>>
}

export interface ContainerMount {
  readonly hostPath: string
  readonly containerPath: string
  readonly readOnly: boolean
  /** Where what is mounted lies on the node, when `hostPath` is only a way to it. */
  readonly realPath?: string
}

export interface ContainerStatus {
  readonly id: ContainerId
  readonly sandboxId: SandboxId
  readonly name: string
  readonly attempt: number
  readonly image: string
  readonly imageId: string
  readonly state: 'created' | 'running' | 'exited' | 'unknown'
  readonly createdAtMs: number
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  readonly exitCode?: number
  /** Number of the signal that ended it, when one did. */
  readonly signal?: number
  /** 'Completed', 'Error', 'OOMKilled', 'ContainerStatusUnknown', 'StartError', ... */
  readonly reason?: string
  readonly message?: string
  readonly pid?: number
  readonly annotations: Readonly<Record<string, string>>
}

export type RuntimeEvent =
  | { readonly type: 'started'; readonly container: ContainerStatus }
  | {
      readonly type: 'signalled'
      readonly container: ContainerStatus
      readonly signal: string
      readonly withheld: boolean
    }
  | { readonly type: 'exited'; readonly container: ContainerStatus }

export type RuntimeErrorCode =
  | 'not-found' // no such sandbox or container
  | 'image-missing' // ErrImagePull; message says what to type
  | 'image-never' // ErrImageNeverPull
  | 'start-failed' // the command could not be executed: RunContainerError / StartError, exit code 127 or 128
  | 'unavailable' // the runtime itself cannot work

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What exec says where no program runs, in containerd's words: the events of probes show them. Code `not-found`. */
export const execRefused = (state: 'EXITED' | 'CREATED'): RuntimeError =>
  new RuntimeError('not-found', `failed to exec in container: container is in CONTAINER_${state} state`)

/** A refusal of the runtime as it reaches Kubernetes, through the runtime's own protocol. */
export const rpcWords = (error: Error): string =>
  error instanceof RuntimeError ? `rpc error: code = Unknown desc = ${error.message}` : error.message

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A running exec or attach. Streams end when the process has ended and its output is drained. */
export interface ExecSession {
  readonly stdout: AsyncIterable<Uint8Array>
  readonly stderr: AsyncIterable<Uint8Array>
  write(bytes: Uint8Array): Promise<void>
  closeStdin(): void
  resize(columns: number, rows: number): void
  readonly exit: Promise<number>
  kill(): void
}

export interface Runtime {
  /** What is degraded here, in sentences for people; empty when nothing is. Shown as node annotation and Warning event. */
  readonly degraded: readonly string[]
  /** What of a pod's security settings is not obeyed here: a pod that asks for it is told so by an event. */
  readonly unenforced: ReadonlySet<SecurityFeature>
  readonly name: string
  readonly version: string

  /** The node's id behind a user or group of a pod: whose the pod's files must be. */
  hostId(userNamespace: 'pod' | 'node', id: number): number
  runSandbox(config: SandboxConfig): Promise<SandboxStatus>
  /** Ends what still runs in it and gives its address back. Idempotent. */
  stopSandbox(id: SandboxId): Promise<void>
  removeSandbox(id: SandboxId): Promise<void>
  listSandboxes(): Promise<readonly SandboxStatus[]>

  /**
   * Throws RuntimeError image-missing. Resolves to the image's id. `command` is the container's own: with an explicit one a
   * runtime without images needs no program behind the name.
   */
  pullImage(image: string, command?: readonly string[]): Promise<string>
  /** What a container of this image would run; undefined: nothing is known, a pull would fail. */
  imageSource(image: string, command?: readonly string[]): ImageSource | undefined
  /** Who a container of this image runs as when its pod names nobody: 0 is root. */
  imageUser(image: string): ImageUser

  createContainer(sandbox: SandboxId, config: ContainerConfig): Promise<ContainerId>
  /** Resolves when the program runs (exec succeeded). */
  startContainer(id: ContainerId): Promise<void>
  /** Stop signal, wait, KILL; resolves when the container has exited. `graceMs` 0: KILL at once. */
  stopContainer(id: ContainerId, graceMs: number): Promise<void>
  removeContainer(id: ContainerId): Promise<void>
  containerStatus(id: ContainerId): Promise<ContainerStatus>
  /** All containers, also ended ones not yet removed, also those adopted after a restart of the node process. */
  listContainers(): Promise<readonly ContainerStatus[]>

  /**
   * Runs a command in the container; after `timeoutMs` it is killed and the promise rejects with an Error named 'TimeoutError'.
   * Where the container does not run it rejects with `execRefused`.
   */
  execSync(id: ContainerId, command: readonly string[], timeoutMs: number): Promise<ExecResult>
  exec(id: ContainerId, command: readonly string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession>
  attach(id: ContainerId): Promise<ExecSession>

  /** Last words: content of the termination message file (at most 4096 bytes), '' when none. */
  terminationMessage(id: ContainerId): Promise<string>

  /** Returns the function that ends the subscription. Events come in the order in which things happened, as soon as the runtime knows. */
  subscribe(listener: (event: RuntimeEvent) => void): () => void
}
