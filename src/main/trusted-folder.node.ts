/**
 * Whether a folder holds only what this user (or root) put there. What lies in a shared place like /tmp may have been laid there
 * by somebody else, to have us believe it, signal a process, or remove a folder in their stead.
 */
import { lstatSync, readFileSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { Text } from '../cli/text.ts'

const OTHERS_MAY_WRITE = 0o022
const GROUP_MAY_WRITE = 0o020
const STICKY = 0o1000

/** Why `path` cannot be trusted; undefined when it can. Throws the system's error when it cannot be looked at. */
export function whyUntrusted(path: string): Text | undefined {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) return { en: 'it is a link', ko: '링크' }
  if (!stat.isDirectory()) return { en: 'it is not a folder', ko: '폴더가 아님' }
  if (stat.uid !== process.getuid?.()) return { en: 'it belongs to another user', ko: '다른 사용자의 것' }
  if (othersMayWrite(stat)) return { en: 'other users can write into it', ko: '다른 사용자도 쓸 수 있음' }
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (!isSaneParent(lstatSync(parent)))
      return {
        en: `other users can exchange what lies in ${parent}`,
        ko: `다른 사용자가 ${parent} 의 내용을 바꿀 수 있음`,
      }
    if (parent === dirname(parent)) return undefined
  }
}

/** A group of the user's own, as many systems give to each user, is the user. */
function othersMayWrite({ mode, uid, gid }: Stats): boolean {
  const own = gid === uid && gid === process.getgid?.() ? GROUP_MAY_WRITE : 0
  return (mode & OTHERS_MAY_WRITE & ~own) !== 0
}

function isSaneParent(stat: Stats): boolean {
  if (!stat.isDirectory()) return false
  const own = stat.uid === 0 || stat.uid === process.getuid?.() || isUnmapped(stat.uid)
  return own && ((stat.mode & STICKY) !== 0 || !othersMayWrite(stat))
}

/** In a user namespace folders of the real root look as if they were nobody's. */
function isUnmapped(uid: number): boolean {
  try {
    const isWhole = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))
    return !isWhole && uid === Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'))
  } catch {
    return false
  }
}
