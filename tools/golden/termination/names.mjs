/**
 * Real names as placeholders: pods with random names `w-<1>`, `w-<2>` in the order of their first appearance (for each prefix), template hashes
 * `<hash1>`, the namespace `<ns>`, the node by the name of the recorded one, uids and addresses.
 */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const RECORDED_NODE = 'gold-1'

export class Names {
  constructor(namespace) {
    this.namespace = namespace
    this.real = new Map() // real part -> placeholder
    this.pods = new Map() // name prefix -> how many
    this.hashes = 0
    this.nodes = new Set()
  }

  /** Learns from an object that appeared. Call in the order of appearance. */
  learn(object) {
    const { name, generateName, labels } = object.metadata
    const hash = labels?.['pod-template-hash']
    if (hash && !this.real.has(hash)) this.real.set(hash, `<hash${++this.hashes}>`)
    if (object.kind === 'Pod') {
      if (object.spec.nodeName) this.nodes.add(object.spec.nodeName)
      if (generateName && !this.real.has(name)) {
        const number = (this.pods.get(generateName) ?? 0) + 1
        this.pods.set(generateName, number)
        this.real.set(name, `${this.normal(generateName)}<${number}>`)
      }
    }
  }

  normal(text) {
    let out = text
    for (const [real, placeholder] of [...this.real].sort((a, b) => b[0].length - a[0].length))
      out = out.replaceAll(real, placeholder)
    out = out
      .replaceAll(this.namespace, '<ns>')
      .replace(UUID, '<uid>')
      .replace(/\b\d+\.\d+\.\d+\.\d+\b/g, '<ip>')
    for (const node of this.nodes) out = out.replaceAll(node, RECORDED_NODE)
    return out
  }

  /** Placeholders of a request as real values. */
  fill(text) {
    let out = text.replaceAll('<ns>', this.namespace)
    for (const [real, placeholder] of [...this.real].sort((a, b) => b[1].length - a[1].length))
      out = out.replaceAll(placeholder, real)
    return out
  }
}
