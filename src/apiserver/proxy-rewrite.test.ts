import { expect, it } from 'vitest'
import { rewriteHtml, rewriteUrl } from './proxy-rewrite.ts'

const at = {
  prefix: '/api/v1/namespaces/n/services/s/proxy',
  server: '10.244.0.7:80',
  client: '127.0.0.1:6443',
}

it.each([
  ['/a/?b=c#d', `${at.prefix}/a/?b=c#d`],
  ['/', `${at.prefix}/`],
  ['http://10.244.0.7:80/a', `${at.prefix}/a`],
  ['https://127.0.0.1:6443/a', `${at.prefix}/a`],
  ['//10.244.0.7:80/a', `${at.prefix}/a`],
  [`${at.prefix}/a`, `${at.prefix}/a`],
  [`https://127.0.0.1:6443${at.prefix}/a`, `${at.prefix}/a`],
  ['http://example.org/a', 'http://example.org/a'],
  ['a/b', 'a/b'],
  ['../b', '../b'],
  ['#top', '#top'],
  ['', ''],
  ['mailto:me@example.org', 'mailto:me@example.org'],
])('the URL %j leads to %j', (url, expected) => expect(rewriteUrl(url, at)).toBe(expected))

it('links of pages lead back through the proxy, texts and scripts stay', () => {
  const page = `<!doctype html><A class=x HREF='/one'>/two</A><img src=/three alt="a > b"><script>if (a</b>/c) f('/four')</script><form action="/five" data-src="/six">`
  expect(rewriteHtml(page, at)).toBe(
    `<!doctype html><A class=x HREF="${at.prefix}/one">/two</A><img src="${at.prefix}/three" alt="a > b"><script>if (a</b>/c) f('/four')</script><form action="${at.prefix}/five" data-src="/six">`,
  )
})

it.each(['<a href="', '<', '<a ', ' x', 'x'])('a page of nothing but %j costs what it is long', (piece) => {
  const page = `<a ${piece.repeat(1_000_000)}`
  expect(rewriteHtml(page, at)).toBe(page)
  expect(rewriteHtml(`${page}>`, at)).toBe(`${page}>`)
})
