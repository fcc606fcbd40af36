import type { Random } from '../base/random.ts'

/** Kubernetes leaves out vowels and look-alikes, so that no words come up (apimachinery's rand.String). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** A generated name is the prefix, cut so that the whole fits into a label, and this many random characters. */
const SUFFIX_LENGTH = 5
const NAME_LENGTH_MAX = 63

export function generateName(random: Random, prefix: string): string {
  if (!prefix) return ''
  let name = prefix.slice(0, NAME_LENGTH_MAX - SUFFIX_LENGTH)
  for (let i = 0; i < SUFFIX_LENGTH; i++) name += ALPHABET[random.int(ALPHABET.length)]
  return name
}
