#!/usr/bin/env node
/** `npm run golden -- api|termination|kubectl [...]`: recordings of real Kubernetes against a fresh ebb. Each closes with `N passed, N failed`. */

const [suite, ...args] = process.argv.slice(2)
const SUITES = ['api', 'termination', 'kubectl']
if (!SUITES.includes(suite)) {
  console.error(`usage: npm run golden -- ${SUITES.join('|')} [--dir DIR] [--only NAME] [--list FILE] [--again]`)
  process.exit(2)
}
const { main } = await import(new URL(`./${suite}.mjs`, import.meta.url).href)
process.exit(await main(args))
