/** On a Node: what it cannot do on this machine, sentence after sentence. The kubelet writes it, `ebb up` and `ebb status` read it. */
export const DEGRADED_ANNOTATION = 'ebb.dev/degraded'
