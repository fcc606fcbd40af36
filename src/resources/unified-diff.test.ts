import { expect, it } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`)
const text = (list: readonly string[]) => list.join('\n')

it('says nothing of equal texts', () => {
  expect(unifiedDiff('a\nb', 'a\nb')).toBe('')
})

it('shows a changed line with three lines around it', () => {
  const before = lines(1, 11)
  const after = before.with(4, 'changed')
  expect(unifiedDiff(text(before), text(after))).toBe(
    '@@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+changed\n line 6\n line 7\n line 8\n',
  )
})

it('shows changes far from each other as two hunks, near ones as one', () => {
  const before = lines(1, 21)
  const far = before.with(1, 'x').with(18, 'y')
  expect(unifiedDiff(text(before), text(far)).match(/^@@.*@@$/gm)).toEqual(['@@ -1,5 +1,5 @@', '@@ -16,5 +16,5 @@'])
  const near = before.with(5, 'x').with(9, 'y')
  expect(unifiedDiff(text(before), text(near)).match(/^@@.*@@$/gm)).toEqual(['@@ -3,11 +3,11 @@'])
})

it('shows added and removed lines', () => {
  expect(unifiedDiff('a\nc', 'a\nb\nc')).toBe('@@ -1,2 +1,3 @@\n a\n+b\n c\n')
  expect(unifiedDiff('a\nb\nc', 'a\nc')).toBe('@@ -1,3 +1,2 @@\n a\n-b\n c\n')
})
