/** The termination message of a container: a file that its program had in its hands, and may have made anything of. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** Bytes of it that count: the last. Source: Kubernetes' pkg/kubelet/container, MaxContainerTerminationMessageLength. */
const MESSAGE_BYTES_MAX = 4096

/**
 * The end of the file at `path`, which is neither followed when it is a link nor waited for when it is a pipe; '' when it is no
 * regular file, or none at all.
 */
export function readLastWords(path: string): string {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) return ''
    const bytes = Buffer.alloc(MESSAGE_BYTES_MAX)
    const length = readSync(fd, bytes, 0, MESSAGE_BYTES_MAX, Math.max(0, stats.size - MESSAGE_BYTES_MAX))
    return bytes.toString('utf8', 0, length)
  } catch {
    return ''
  } finally {
    closeSync(fd)
  }
}
