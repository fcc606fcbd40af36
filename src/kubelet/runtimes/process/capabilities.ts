/**
 * Linux capabilities of a container's program. Those of root come from here; any other user has none, as with Kubernetes.
 *
 * Whatever they are, they count only inside the container's user namespace: over its own files, processes and names.
 */

/** What containerd leaves to a container that asks for nothing. */
const DEFAULTS =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(
    ' ',
  )

/** All of Linux 6.x, by their numbers. */
const ALL =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(
    ' ',
  )

/** Never given: with it the program could take its own sandbox apart, mount by mount. */
const WITHHELD = new Set(['SYS_ADMIN'])

/**
 * Names without `CAP_`, in Linux' order. `ALL` in `add` begins with all, `ALL` in `drop` with none. Throws an Error in
 * containerd's words for a name that Linux does not have.
 */
export function capabilitiesOf(uid: number, asked: { add: readonly string[]; drop: readonly string[] }): string[] {
  const unknown = [...asked.add, ...asked.drop].find((name) => name !== 'ALL' && !ALL.includes(name))
  if (unknown !== undefined) throw new Error(`invalid capability: "CAP_${unknown}"`)
  if (uid !== 0) return []
  const start = asked.drop.includes('ALL') ? [] : asked.add.includes('ALL') ? ALL : DEFAULTS
  const given = new Set([...start, ...asked.add.filter((name) => name !== 'ALL')])
  for (const name of asked.drop) given.delete(name)
  return ALL.filter((name) => given.has(name) && !WITHHELD.has(name))
}
