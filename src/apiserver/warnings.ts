/**
 * The Warning headers of one answer (RFC 7234, warn-code 299): each text once, as Kubernetes' recorder writes them. When they
 * outgrow what a header may take, all of them are cut short; those that still do not fit are left out.
 */

/** All texts together, in characters; from there on each is cut, and what comes when the cut ones fill this is dropped. */
const TOTAL_LENGTH_MAX = 4 * 1024
/** One text, in characters, once they are cut. */
const CUT_LENGTH = 256

const encoder = new TextEncoder()

const NONE: readonly string[] = []

export class Warnings {
  /** Made with the first warning: most answers have none. */
  private known: Set<string> | undefined
  private texts: string[] | undefined
  private written = 0
  private cutting = false

  add(text: string): void {
    if (text === '' || (this.cutting && this.written >= TOTAL_LENGTH_MAX) || this.known?.has(text)) return
    this.known ??= new Set()
    this.known.add(text)
    if (!this.cutting && this.written + lengthOf(text) > TOTAL_LENGTH_MAX) this.cut()
    this.write(text)
  }

  /** Values of headers. Texts outside of ASCII travel as UTF-8: a character here is a byte there. */
  values(): readonly string[] {
    if (!this.texts) return NONE
    return this.texts.map((text) => String.fromCharCode(...encoder.encode(`299 - ${quoted(text)}`)))
  }

  private cut(): void {
    this.cutting = true
    this.written = 0
    const all = this.texts ?? NONE
    this.texts = undefined
    for (const text of all) this.write(text)
  }

  private write(text: string): void {
    // A header cannot carry control characters: such a text is dropped.
    if (/\p{Cc}/u.test(text)) return
    const shown =
      this.cutting && lengthOf(text) > CUT_LENGTH
        ? [...text.slice(0, 2 * CUT_LENGTH)].slice(0, CUT_LENGTH).join('')
        : text
    this.written += lengthOf(shown)
    this.texts ??= []
    this.texts.push(shown)
  }
}

/** In code points, as Go counts. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
