#!/usr/bin/env node
/**
 * Completes package-lock.json after `npm install`: npm writes down only those optional packages of other platforms that the
 * registry it talked to has, and `npm ci` then refuses the file. Each missing one gets an entry with its version and platform;
 * npm installs such an entry only where the platform fits.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
let added = 0
for (const owner of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`
    if (lock.packages[path] || !/^\d/.test(version)) continue
    const words = name.split(/[/-]/)
    const os = SYSTEMS.find((word) => words.includes(word))
    const cpu = PROCESSORS.find((word) => words.some((w) => w.startsWith(word)))
    if (!os && !cpu) continue
    lock.packages[path] = {
      version,
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(owner.dev ? { dev: true } : {}),
      ...(/musl/.test(name) ? { libc: ['musl'] } : /-gnu/.test(name) ? { libc: ['glibc'] } : {}),
      optional: true,
      ...(os ? { os: [os] } : {}),
    }
    added++
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
lock.packages = Object.fromEntries(sorted)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} packages of other platforms added`)
