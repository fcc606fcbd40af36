import { setFlagsFromString } from 'node:v8'

/**
 * V8 optimizes a function after it has used up a budget of bytecode. A control plane that has just started is worked with at
 * once: a tenth of the default budget, and less inlining to compile, make its first thousands of writes a third cheaper, and
 * later ones not dearer (measured with the API benchmark, 2,000 and 10,000 objects).
 */
const FLAGS = ['--interrupt-budget=10000', '--max-inlined-bytecode-size-cumulative=300']

/** Node versions whose V8 knows the flags; others would complain on stderr. */
const NODE_MAJORS = [20, 22]

/** Affects functions that run from here on: called when the start is over, which it would only slow down. */
export function compileEarly(): void {
  if (NODE_MAJORS.includes(Number(process.versions.node.split('.', 1)[0])))
    for (const flag of FLAGS) setFlagsFromString(flag)
}
