/**
 * A unified diff of two texts with three lines of context, as Kubernetes shows forbidden changes:
 *
 *   @@ -1,2 +1,2 @@
 *    {
 *   - "Image": "x:1",
 *   + "Image": "x:2",
 *
 * Blocks are found as Python's difflib does it (longest common block first, then left and right of it; in texts of 200 lines and
 * more, lines that fill over 1 % are no anchors), because the hunks are visible to clients.
 */

const CONTEXT = 3
const POPULAR_FROM_LINES = 200
/** Pairs of lines that are looked at for equal blocks, about 0.1 s of them; what is left then counts as changed altogether. */
const STEPS_MAX = 5_000_000

interface Block {
  readonly a: number
  readonly b: number
  readonly size: number
}

interface Range {
  readonly aFrom: number
  readonly aTo: number
  readonly bFrom: number
  readonly bTo: number
}

/** A stretch of lines: equal in both, or replaced (either side may be empty). */
interface Change extends Range {
  readonly equal: boolean
}

/** Hunks of the change from `before` to `after`, each line ended; '' when they are equal. */
export function unifiedDiff(before: string, after: string): string {
  const a = before.split('\n')
  const b = after.split('\n')
  return hunks(changes(a, b))
    .map((hunk) => renderHunk(hunk, a, b))
    .join('')
}

function renderHunk(hunk: readonly Change[], a: readonly string[], b: readonly string[]): string {
  const first = hunk[0]!
  const last = hunk.at(-1)!
  const lines = [`@@ -${span(first.aFrom, last.aTo)} +${span(first.bFrom, last.bTo)} @@`]
  for (const { equal, aFrom, aTo, bFrom, bTo } of hunk) {
    for (const line of a.slice(aFrom, aTo)) lines.push(`${equal ? ' ' : '-'}${line}`)
    if (!equal) for (const line of b.slice(bFrom, bTo)) lines.push(`+${line}`)
  }
  return `${lines.join('\n')}\n`
}

/** Where a hunk stands: `5,7`, one line as `5`, none as the line before it. */
function span(from: number, to: number): string {
  const length = to - from
  if (length === 1) return String(from + 1)
  return `${length === 0 ? from : from + 1},${length}`
}

/** Groups changes that are near each other, with their context. */
function hunks(all: readonly Change[]): Change[][] {
  if (!all.some((change) => !change.equal)) return []
  const groups: Change[][] = []
  let group: Change[] = []
  for (const [i, change] of all.entries()) {
    if (!change.equal) {
      group.push(change)
      continue
    }
    const size = change.aTo - change.aFrom
    const inside = i > 0 && i < all.length - 1
    if (inside && size <= 2 * CONTEXT) group.push(change)
    else {
      if (i > 0) group.push(cut(change, 0, Math.min(size, CONTEXT)))
      if (inside) groups.push(group)
      if (i < all.length - 1) group = [...(inside ? [] : group), cut(change, Math.max(0, size - CONTEXT), size)]
    }
  }
  return [...groups, group]
}

function cut(change: Change, from: number, to: number): Change {
  const { aFrom, bFrom } = change
  return { equal: true, aFrom: aFrom + from, aTo: aFrom + to, bFrom: bFrom + from, bTo: bFrom + to }
}

function changes(a: readonly string[], b: readonly string[]): Change[] {
  const out: Change[] = []
  let i = 0
  let j = 0
  for (const block of [...matchingBlocks(a, b), { a: a.length, b: b.length, size: 0 }]) {
    if (i < block.a || j < block.b) out.push({ equal: false, aFrom: i, aTo: block.a, bFrom: j, bTo: block.b })
    i = block.a + block.size
    j = block.b + block.size
    if (block.size > 0) out.push({ equal: true, aFrom: block.a, aTo: i, bFrom: block.b, bTo: j })
  }
  return out
}

function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] {
  const places = anchors(b)
  const found: Block[] = []
  const budget = { steps: STEPS_MAX }
  const todo: Range[] = [{ aFrom: 0, aTo: a.length, bFrom: 0, bTo: b.length }]
  for (let range = todo.pop(); range; range = todo.pop()) {
    const block = longestBlock({ a, b, places, budget }, range)
    if (block.size === 0) continue
    found.push(block)
    todo.push({ ...range, aTo: block.a, bTo: block.b })
    todo.push({ ...range, aFrom: block.a + block.size, bFrom: block.b + block.size })
  }
  found.sort((x, y) => x.a - y.a)
  return joined(found)
}

/** Blocks that follow each other without a gap are one. */
function joined(blocks: readonly Block[]): Block[] {
  const out: Block[] = []
  for (const block of blocks) {
    const last = out.at(-1)
    if (last && last.a + last.size === block.a && last.b + last.size === block.b) {
      out[out.length - 1] = { ...last, size: last.size + block.size }
    } else out.push(block)
  }
  return out
}

/** Where each line occurs in `b`, without lines that are everywhere. */
function anchors(b: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [j, line] of b.entries()) {
    const list = places.get(line)
    if (list) list.push(j)
    else places.set(line, [j])
  }
  if (b.length >= POPULAR_FROM_LINES) {
    const most = Math.floor(b.length / 100) + 1
    for (const [line, list] of places) if (list.length > most) places.delete(line)
  }
  return places
}

interface Search {
  readonly a: readonly string[]
  readonly b: readonly string[]
  /** Where lines occur in `b`. */
  readonly places: ReadonlyMap<string, readonly number[]>
  readonly budget: { steps: number }
}

/** The longest run of equal lines within the range, the first of several; then widened by equal lines that are no anchors. */
function longestBlock({ a, b, places, budget }: Search, { aFrom, aTo, bFrom, bTo }: Range): Block {
  let best: Block = { a: aFrom, b: bFrom, size: 0 }
  let lengths = new Map<number, number>()
  for (let i = aFrom; i < aTo; i++) {
    const next = new Map<number, number>()
    budget.steps--
    for (const j of places.get(a[i]!) ?? []) {
      if (--budget.steps < 0) return { a: aFrom, b: bFrom, size: 0 }
      if (j < bFrom) continue
      if (j >= bTo) break
      const size = (lengths.get(j - 1) ?? 0) + 1
      next.set(j, size)
      if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size }
    }
    lengths = next
  }
  let { a: i, b: j, size } = best
  while (i > aFrom && j > bFrom && a[i - 1] === b[j - 1]) {
    i--
    j--
    size++
  }
  while (i + size < aTo && j + size < bTo && a[i + size] === b[j + size]) size++
  return { a: i, b: j, size }
}
