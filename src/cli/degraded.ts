/** What a node says of its limits, for a terminal. */
import { DEGRADED_ANNOTATION } from '../api/annotations.ts'
import type { Node } from '../api/types/core-v1.gen.ts'
import { inKorean, type Language } from './text.ts'

/** Limits of every node; only what goes beyond them is said at the start and in the status. */
const EVERYWHERE =
  /^(CPU and memory limits of containers|No pod gets privileged|Every container runs as the user who started ebb)/
const BETWEEN = /(?<=\.) (?=[A-Z]|bubblewrap )/

/** Sentences about what this machine cannot give, and another could. */
export function degradedBeyond({ metadata }: Node): readonly string[] {
  return (metadata.annotations?.[DEGRADED_ANNOTATION] ?? '')
    .split(BETWEEN)
    .filter((sentence) => sentence !== '' && !EVERYWHERE.test(sentence))
}

export function degradedLines(sentences: readonly string[], language: Language): readonly string[] {
  return sentences.map((text) => ({ en: `degraded: ${text}`, ko: `제한: ${inKorean(text)}` })[language])
}
