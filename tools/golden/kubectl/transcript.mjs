/** Reads a transcript and compares output with it, equal but for placeholders. */

/** Each kind of heading: what it records, and the section whose lines follow it, if any. */
const HEADINGS = [
  [/^--- setup/, () => 'setup'],
  [/^--- before: \$ (.*)/, (m, out) => void out.before.push(m[1])],
  [
    /^--- meanwhile, after ([\d.]+) s: \$ (.*)/,
    (m, out) => void out.meanwhile.push({ afterS: Number(m[1]), command: m[2] }),
  ],
  [/^--- (stdin|stdout|stderr)$/, (m) => m[1]],
  [/^--- exit code: (\d+)/, (m, out) => void Object.assign(out, { exitCode: Number(m[1]) })],
  [/^--- took:/, () => undefined],
  [/^--- after: \$ (.*)/, (m, out) => Object.assign(out, { afterCommand: m[1] }) && 'after'],
]

/** { command, setup, before, meanwhile: {afterS, command}[], stdin, stdout, stderr, exitCode, afterCommand, after } */
export function parseTranscript(text) {
  // Output without a newline at its end runs into the next heading.
  const lines = text.replace(/(?<=.)--- (stdin|stdout|stderr)$/gm, '\n--- $1').split('\n')
  const out = { command: lines[0].replace(/^\$ /, ''), meanwhile: [], before: [] }
  let section
  for (const line of lines.slice(1)) {
    const heading = HEADINGS.find(([pattern]) => pattern.test(line))
    if (heading) {
      section = heading[1](heading[0].exec(line), out)
      if (section) out[section] = []
    } else if (section) out[section].push(line)
  }
  for (const name of ['setup', 'stdin', 'stdout', 'stderr', 'after'])
    if (out[name]) out[name] = out[name].join('\n').replace(/\n+$/, '')
  return out
}

const DURATION = '(?:\\d+[dhms]|\\d+y\\d*d?|\\d+ms|[\\d.]+s)+'
const PLACEHOLDERS = {
  age: `(?:${DURATION}|<unknown>|<invalid>)`,
  time: '(?:\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z?|\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d [+-]\\d{4})',
  uid: '[0-9a-f-]{36}',
  rv: '\\d+',
  podIP: '[\\d.]+',
  nodeIP: '[\\d.]+',
  clusterIP: '[\\d.]+',
  id: '[0-9a-f]{64}',
  hash: '[a-z0-9]+',
  rand: '[a-z0-9]+',
  path: '\\S+?',
  runtime: '\\w+',
  patch: '\\d+',
  machine: '\\S.*?',
}

/**
 * Facts of the recorded machine, not of Kubernetes: its system, kernel and runtime, which of several tags of one digest the
 * runtime names, and which patch release of kubectl was installed.
 */
const CAVEATS = [
  [/containerd:\/\/[\d.]+\+unknown/, '<runtime>://<path>'],
  ['containerd://', '<runtime>://'],
  [/("?image"?: "?)docker\.io\/library\/busybox:1\.37/, '$1<path>'],
  ['Debian GNU/Linux 12 (bookworm)', '<machine>'],
  ['6.18.44-fc-v657', '<path>'],
  [/^(Client Version: v\d+\.\d+)\.\d+/, '$1.<patch>'],
]

const withoutCaveats = (line) => CAVEATS.reduce((text, [from, to]) => text.replace(from, to), line)

/** A recorded line as a pattern: placeholders, counts like `(x2 over 8s)`, and column widths are free. */
export function linePattern(line) {
  const fields = withoutCaveats(line)
    .trimEnd()
    .split(/ {2,}|\t+/)
  const source = fields.map((field) =>
    field
      .split(/(<\w+>|\(x\d+ over [^)]*\))/)
      .map((part) => {
        const name = /^<(\w+)>$/.exec(part)?.[1]
        if (name && PLACEHOLDERS[name]) return PLACEHOLDERS[name]
        if (part.startsWith('(x')) return `(?:\\(x\\d+ over ${DURATION}\\))?`
        return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      })
      .join(''),
  )
  return new RegExp(`^${source.join('(?:\\s{2,}|\\t+|\\s+)')}\\s*$`)
}

/** Drain works on several pods at once: its lines have no order. */
const UNORDERED = /^kubectl drain/
/** Tells how far a rollout is at each change that it sees: a quicker one shows fewer steps, and each less often. */
const PROGRESS = /^kubectl rollout status/
const STEP = /^Waiting for /

/** Both texts as far as the command promises the same: [recorded, received]. */
export function comparable(command, recorded, received) {
  const [want, got] = [recorded, received].map((text) => text.trimEnd().split('\n'))
  if (UNORDERED.test(command)) return [want, got].map((lines) => lines.sort().join('\n'))
  if (!PROGRESS.test(command)) return [recorded, received]
  const seen = once(got)
  const steps = once(want).filter((line) => !STEP.test(line) || seen.includes(line))
  return [steps, seen].map((lines) => lines.join('\n'))
}

const once = (lines) => lines.filter((line, i) => line !== lines[i - 1])

/** The first differences, as sentences; empty when equal but for placeholders. */
export function differences(what, recorded, received) {
  const want = recorded === '' ? [] : recorded.split('\n')
  const got = received.replace(/\n+$/, '') === '' ? [] : received.replace(/\n+$/, '').split('\n')
  const out = []
  for (let i = 0; i < Math.max(want.length, got.length) && out.length < 6; i++) {
    if (want[i] === undefined) out.push(`${what} line ${i + 1}: not recorded: ${got[i]}`)
    else if (got[i] === undefined) out.push(`${what} line ${i + 1}: missing: ${want[i]}`)
    else if (!linePattern(want[i]).test(got[i].trimEnd()))
      out.push(`${what} line ${i + 1}:\n      recorded ${want[i]}\n      received ${got[i]}`)
  }
  return out
}
