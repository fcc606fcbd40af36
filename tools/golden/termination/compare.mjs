/**
 * Facts against what was seen. Four rules, from the README of the recordings:
 *   - each fact happens, with its text, no later than its time + tolerance;
 *   - it does not happen earlier than the specification allows: what follows from sleeps, hooks and grace periods keeps its time;
 *     what only shows how quick the recorded kubelet was (status, removal, events, owners) may come earlier;
 *   - facts further apart than their tolerances keep their order;
 *   - what ends a pod happens as often as recorded: TERM, Killing, DELETED, FailedPreStopHook.
 * A status that a quicker implementation merged into the next of the same subject counts, when the two lie close together.
 */

/** A status write may be merged into the next of its subject when that follows within this time (ms). */
const MERGE_MS = 1_500
/** What was seen earlier than this before the action (ms) belongs to the setup. */
const BEFORE_ACTION_MS = 50
/** Pods of one owner whose numbering is tried out; more keep the order of their appearance. */
const RENAMED_MAX = 4
/** The recorded kubelet wrote a terminal status up to this long (ms) after the container's end. */
const STATUS_LAG_MS = 700

/** An event is told beside what it is about, by a request of its own: up to so much later (ms) it has the same place in the order. */
const TOLD_BESIDE_MS = 250

const COUNTED =
  /^(log .*: (TERM|exiting|preStop)|event Normal Killing|event Warning FailedPreStopHook|pod\/\S+ DELETED)/

/** What a fact is about: later facts of the same subject replace it. undefined: nothing replaces it. */
export function subjectOf(text) {
  const m =
    /^(pod\/\S+ (?:phase|condition \w+|container \S+:))/.exec(text) ??
    /^(endpointslice of \S+ \S+|endpoints \S+ \S+) (?:ready|notReady)/.exec(text) ??
    /^(\S+\/\S+ status)/.exec(text) ??
    /^(namespace\/\S+ condition \w+)/.exec(text)
  return m?.[1]
}

/**
 * Programs' own times follow from sleeps, hooks and signals, counted from the pod's deletion, or from where its end begins once
 * more after a restart of the kubelet; a KILL comes at the end of a grace period, of which the recorded kubelet told a little
 * later. A pod that begins in the scenario begins when it may.
 */
function earliest(fact, facts, seen) {
  if (/^(response|request)/.test(fact.text)) return fact.t_ms - Math.max(fact.tolerance_ms, 600)
  const pod = /pod\/(\S+)/.exec(fact.text)?.[1]
  const killed = /exitCode=137 reason=Error/.test(fact.text)
  if (!pod || !(killed || fact.text.startsWith('log'))) return Number.NEGATIVE_INFINITY
  const isDeletion = ({ text }) => text.startsWith(`pod/${pod} deletionTimestamp set`)
  if (!facts.some(isDeletion) && facts.some((f) => f.text === `pod/${pod} ADDED`)) return Number.NEGATIVE_INFINITY
  const begins = (f) => isDeletion(f) || f.text.startsWith(`event Normal Killing on Pod/${pod}:`)
  const sooner = facts.filter((f) => begins(f) && f.t_ms < fact.t_ms).map((f) => f.t_ms - timeSeen(f, facts, seen))
  const slack = killed ? Math.max(fact.tolerance_ms, STATUS_LAG_MS) + STATUS_LAG_MS : Math.max(fact.tolerance_ms, 600)
  return fact.t_ms - Math.max(0, ...sooner) - slack
}

/** When a fact's text was seen: the second time, when the fact is the second with this text. Its own time when it was not. */
function timeSeen({ text, t_ms }, facts, seen) {
  const at = facts.filter((f) => f.text === text && f.t_ms < t_ms).length
  return seen.filter((s) => s.text === text && s.t >= -BEFORE_ACTION_MS)[at]?.t ?? t_ms
}

/**
 * `facts`: {id, text, t_ms, tolerance_ms}[]; `seen`: {t, text}[] in ms from the action, normalised.
 * Returns {passed: fact[], broken: {fact, why}[], extra: string[]}.
 */
export function compare(scenario, seen) {
  const facts = [...scenario.facts].sort((a, b) => a.t_ms - b.t_ms)
  return renamings(facts, seen)
    .map((names) => compareOnce(scenario, facts, renamed(seen, names)))
    .reduce((best, next) =>
      next.broken.length + next.extra.length < best.broken.length + best.extra.length ? next : best,
    )
}

function compareOnce(scenario, facts, seen) {
  const used = new Set()
  const found = new Map()
  for (const fact of facts) {
    const from = Math.max(earliest(fact, facts, seen), Math.min(-BEFORE_ACTION_MS, fact.t_ms - fact.tolerance_ms))
    const at = seen.findIndex(
      (s, i) => !used.has(i) && s.text === fact.text && s.t >= from && s.t <= fact.t_ms + fact.tolerance_ms,
    )
    if (at < 0) continue
    used.add(at)
    found.set(fact, seen[at])
  }
  const broken = []
  for (const fact of facts)
    if (!found.has(fact) && !merged(fact, facts, found)) broken.push({ fact, why: nearest(fact, seen) })
  broken.push(...outOfOrder(facts, found))
  const bad = new Set(broken.map((b) => b.fact))
  return { passed: facts.filter((f) => !bad.has(f)), broken, extra: extras(scenario, seen, facts) }
}

/**
 * Pods made together before the action have no order of their own, unless a request names one: which of them a controller
 * then chooses is free. Every way of numbering them, as maps from placeholder to placeholder; the first changes nothing.
 */
function renamings(facts, seen) {
  const requests = facts.filter((f) => f.text.startsWith('request')).map((f) => f.text)
  const groups = new Map()
  for (const { t, text } of seen) {
    const pod = t < 0 ? /^pod\/((\S+-)<\d+>) ADDED$/.exec(text) : null
    if (pod && !requests.some((r) => r.includes(pod[1]))) groups.set(pod[2], [...(groups.get(pod[2]) ?? []), pod[1]])
  }
  let all = [new Map()]
  for (const names of groups.values()) {
    if (names.length > RENAMED_MAX) continue
    all = all.flatMap((map) =>
      permutations(names).map((other) => new Map([...map, ...names.map((n, i) => [n, other[i]])])),
    )
  }
  return all
}

function permutations(names) {
  if (names.length < 2) return [names]
  return names.flatMap((first, i) => permutations(names.toSpliced(i, 1)).map((rest) => [first, ...rest]))
}

function renamed(seen, names) {
  if (names.size === 0) return seen
  return seen.map(({ t, text }) => ({ t, text: text.replace(/[\w<>-]+-<\d+>/g, (name) => names.get(name) ?? name) }))
}

function merged(fact, facts, found) {
  const subject = subjectOf(fact.text)
  if (!subject)
    return /^event .*\(count>1\)$/.test(fact.text) && facts.some((f) => f.text === fact.text && found.has(f))
  const next = facts.find((f) => f !== fact && f.t_ms >= fact.t_ms && subjectOf(f.text) === subject && found.has(f))
  return next !== undefined && next.t_ms - fact.t_ms <= MERGE_MS
}

function outOfOrder(facts, found) {
  const broken = []
  for (const later of facts) {
    const seenLater = found.get(later)
    if (!seenLater) continue
    const before = facts.find(
      (f) =>
        found.has(f) &&
        !isUnrelated(f, later) &&
        later.t_ms - f.t_ms > later.tolerance_ms + f.tolerance_ms &&
        found.get(f).t > seenLater.t + (f.text.startsWith('event ') ? TOLD_BESIDE_MS : 0),
    )
    if (before) broken.push({ fact: later, why: `came before "${before.text}", which was recorded earlier` })
  }
  return broken
}

/**
 * Requests come when the scenario sends them, and a pod ends as quickly as its program: neither has to wait for what happens to
 * other objects. Only what comes after the request for its own object, and after its own earlier facts, is held to the order.
 */
function isUnrelated(fact, later) {
  const words = later.text.split(/[\s/:,]+/)
  const target = /^(?:request|response \d+ to) \w+ \w+\/([^\s/:]+)/.exec(fact.text)?.[1]
  if (target !== undefined) return !words.includes(target)
  const pod = /^pod\/(\S+) (?:DELETED|deletionTimestamp|phase|condition|container)/.exec(later.text)?.[1]
  return pod !== undefined && !fact.text.split(/[\s/:,]+/).includes(pod)
}

function nearest(fact, seen) {
  const same = seen.filter((s) => s.text === fact.text).map((s) => Math.round(s.t))
  if (same.length) return `seen at ${same.slice(0, 5).join(', ')} ms`
  const subject = subjectOf(fact.text) ?? fact.text.split(':')[0]
  const like = seen.filter((s) => s.text.startsWith(subject)).map((s) => `${Math.round(s.t)} ms ${s.text}`)
  return like.length ? `not seen; instead: ${like.slice(-3).join(' | ')}` : 'not seen'
}

function extras(scenario, seen, facts) {
  const count = (list, text) => list.filter((x) => x.text === text).length
  const known = [...facts, ...(scenario.seenInOneRunOnly ?? [])]
  // A recording may end before the last pod of a rollout is gone.
  const isRest = (text) => {
    const pod = /^(pod\/\S+) DELETED/.exec(text)?.[1]
    return (
      pod && facts.some((f) => f.text.startsWith(`${pod} deletionTimestamp set`)) && !facts.some((f) => f.text === text)
    )
  }
  const texts = new Set(seen.filter((s) => s.t >= -50 && COUNTED.test(s.text) && !isRest(s.text)).map((s) => s.text))
  return [...texts]
    .filter(
      (text) =>
        count(
          seen.filter((s) => s.t >= -50),
          text,
        ) > count(known, text),
    )
    .map((text) => `"${text}" seen ${count(seen, text)} times, recorded ${count(known, text)}`)
}
