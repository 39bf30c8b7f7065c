import t from 'tap'
import { chunksOf } from '../../../src/tools/memory/index/chunks.ts'

const rules = { tokens: 50, overlap: 10 }
const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index + 1} says something of its own`)

t.test('a short file is one piece, without the blank lines around it', async t => {
  t.same(chunksOf('\n\n# Notes\r\n\r\nOne thing.\n\n', rules), [{ startLine: 3, endLine: 5, text: '# Notes\n\nOne thing.' }])
  t.same(chunksOf(' \n\n', rules), [])
  t.same(chunksOf('', rules), [])
})

t.test('the pieces of a long file are its lines, and each begins with what the one before ends with', async t => {
  const all = lines(60)
  const chunks = chunksOf(all.join('\n'), rules)
  t.ok(chunks.length > 5)
  for (const { startLine, endLine, text } of chunks) t.equal(text, all.slice(startLine - 1, endLine).join('\n'))
  t.equal(chunks[0]?.startLine, 1)
  t.equal(chunks.at(-1)?.endLine, 60)
  for (const [index, { startLine }] of chunks.slice(1).entries()) t.ok(startLine <= chunks[index]!.endLine, 'they share a line')
  const apart = chunksOf(all.join('\n'), { tokens: 50, overlap: 0 })
  t.equal(apart.map(({ text }) => text).join('\n'), all.join('\n'), 'or none')
})

t.test('a line that is too long is cut between characters, and keeps its number', async t => {
  const chunks = chunksOf(`first\n${'🦊x'.repeat(500)}\nlast`, { tokens: 50, overlap: 0 })
  const long = chunks.filter(({ startLine, endLine }) => startLine === 2 && endLine === 2)
  t.ok(long.length > 5)
  t.same(chunks.filter(({ text }) => !text.isWellFormed()), [])
  t.equal(chunks.map(({ text }) => text).join('').replace(/\n/g, ''), `first${'🦊x'.repeat(500)}last`)
})

t.test('signs that are words count as words', async t => {
  const [latin, han] = [chunksOf('abcd '.repeat(100), rules), chunksOf('会议纪要 '.repeat(100), rules)]
  t.ok(han.length > latin.length * 2)
})
