import { mkdirSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { createFileScene } from './scene.ts'

test('read shows a file, some of its lines, and where to go on', async t => {
  const { call, workspace } = createFileScene(t)
  writeFileSync(join(workspace, 'f'), Array.from({ length: 5000 }, (_, index) => `line ${index + 1}\n`).join(''))
  writeFileSync(join(workspace, 'small'), 'öne\ntwo')
  writeFileSync(join(workspace, 'empty'), '')
  t.same((await call('read', { path: 'small' })).details, { kind: 'text', content: 'öne\ntwo' })
  t.same((await call('read', { path: 'empty' })).details, { kind: 'text', content: '' })
  const some = await call('read', { path: 'f', offset: 4, limit: 2 })
  t.equal(some.text, 'line 4\nline 5\n\n\n[Lines 4 to 5; the file goes on: offset 6.]')
  t.same(some.details, { kind: 'text', content: 'line 4\nline 5\n', truncated: true, nextOffset: 6 })
  const all = await call('read', { path: 'f' })
  t.equal(all.details['nextOffset'], 2001)
  t.same((await call('read', { path: 'f', offset: 4999 })).details, { kind: 'text', content: 'line 4999\nline 5000\n' })
  t.match((await call('read', { path: 'f', offset: 5001 })).text, /f has no line 5001/)
  t.match((await call('read', { path: 'absent' })).details, { status: 'error', tool: 'read', error: /^File not found: absent/ })
  for (const args of [{}, { path: '' }, { path: 'f', offset: 0 }, { path: 'f', limit: 1.5 }]) await t.rejects(call('read', args), /^read: .* Correct the arguments/)
})

test('a line of any length and a file of any size give no more than 50 KB', async t => {
  const { call, workspace } = createFileScene(t)
  writeFileSync(join(workspace, 'long'), `${'é'.repeat(100_000)}\nnext\n`)
  const { details, text } = await call('read', { path: 'long' })
  t.equal(Buffer.byteLength(details['content']), 51_200)
  t.notMatch(details['content'], /\uFFFD/, 'no character is torn')
  t.match(text, /\[Line 1 is longer than 51200 bytes and was cut\. Lines 1 to 1; the file goes on: offset 2\.\]$/)
  t.equal((await call('read', { path: 'long', offset: 2 })).details['content'], 'next\n')
  const sparse = await open(join(workspace, 'sparse'), 'w')
  await sparse.write(`${'a\n'.repeat(10_000)}`)
  await sparse.truncate(20 * 1024 ** 3)
  await sparse.close()
  const huge = await call('read', { path: 'sparse', limit: 3 })
  t.equal(huge.details['content'], 'a\na\na\n')
  t.match((await call('read', { path: 'sparse', offset: 20_000 })).text, /too large to look for this line/)
})

test('pictures are shown and other binary files are named', async t => {
  const { call, workspace } = createFileScene(t)
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  writeFileSync(join(workspace, 'p.dat'), png)
  writeFileSync(join(workspace, 'b'), Buffer.from([1, 2, 0, 3]))
  writeFileSync(join(workspace, 'large.jpg'), Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(6 * 1024 * 1024)]))
  const { content, details } = await call('read', { path: 'p.dat' })
  t.same(content[1], { type: 'image', data: png.toString('base64'), mimeType: 'image/png' })
  t.same(details, { kind: 'image', mimeType: 'image/png', bytes: png.length })
  t.match((await call('read', { path: 'b' })).text, /b is not text \(4 bytes\)/)
  t.match((await call('read', { path: 'large.jpg' })).text, /picture of more than 5 MB/)
})

test('ls quotes names, marks directories and stops at its limit', async t => {
  const { call, workspace } = createFileScene(t)
  t.equal((await call('ls', {})).text, '(empty directory)')
  mkdirSync(join(workspace, 'memory'))
  for (const name of ['AGENTS.md', 'b\n"c"', '.hidden']) writeFileSync(join(workspace, name), '')
  t.equal((await call('ls', {})).text, ['".hidden"', '"AGENTS.md"', '"b\\n\\"c\\""', '"memory/"'].join('\n'))
  t.same((await call('ls', { path: '.', limit: 2 })).details, { content: '".hidden"\n"AGENTS.md"', entries: 4, truncated: true })
  t.match((await call('ls', { path: 'AGENTS.md' })).text, /A part of AGENTS\.md is a file/)
  t.match((await call('ls', { path: 'absent' })).text, /File not found: absent/)
})
