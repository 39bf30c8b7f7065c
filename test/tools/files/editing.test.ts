import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { createFileScene } from './scene.ts'

const left = (directory: string): string[] => readdirSync(directory).filter(name => name.endsWith('.tmp'))

test('write makes a file with its directories, replaces it, and tells what changed', async t => {
  const { call, workspace } = createFileScene(t)
  const made = await call('write', { path: 'a/b/x.txt', content: 'abc' })
  t.equal(made.text, 'Successfully wrote 3 bytes to a/b/x.txt')
  t.match(made.details, { changed: true, created: true, diff: '+1 abc', firstChangedLine: 1 })
  t.match(made.details['patch'], /^--- .*x\.txt\n\+\+\+ .*x\.txt\n@@ -0,0 \+1,1 @@\n\+abc\n\\ No newline at end of file\n$/)
  const file = join(workspace, 'a/b/x.txt')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(join(workspace, 'a')).mode & 0o777, 0o700)
  chmodSync(file, 0o751)
  const replaced = await call('write', { path: 'a/b/x.txt', content: 'one\ntwo\n' })
  t.match(replaced.details, { changed: true, created: false, diff: '-1 abc\n+1 one\n+2 two', firstChangedLine: 1 })
  t.equal(statSync(file).mode & 0o777, 0o751, 'its rights stay')
  t.match((await call('write', { path: 'a/b/x.txt', content: 'one\ntwo\n' })).details, { changed: false, created: false, diff: '', patch: '' })
  t.equal(readFileSync(file, 'utf8'), 'one\ntwo\n')
  t.same(left(join(workspace, 'a/b')), [])
})

test('edit replaces what stands there once and shows it with what surrounds it', async t => {
  const { call, workspace } = createFileScene(t)
  writeFileSync(join(workspace, 'f'), Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join(''))
  const { text, details } = await call('edit', { path: 'f', edits: [{ oldText: 'line 25\n', newText: '' }, { oldText: 'line 2\n', newText: 'line two\n' }] })
  t.equal(text, 'Successfully replaced 2 places in f')
  t.equal(details['firstChangedLine'], 2)
  t.equal(details['diff'], [
    '  1 line 1', '- 2 line 2', '+ 2 line two', '  3 line 3', '  4 line 4', '  5 line 5', '  6 line 6', '    ...',
    ' 21 line 21', ' 22 line 22', ' 23 line 23', ' 24 line 24', '-25 line 25', ' 25 line 26', ' 26 line 27', ' 27 line 28', ' 28 line 29'
  ].join('\n'))
  t.match(details['patch'], /@@ -1,6 \+1,6 @@\n line 1\n-line 2\n\+line two\n/)
  t.match(details['patch'], /@@ -21,9 \+21,8 @@\n/)
  t.match(readFileSync(join(workspace, 'f'), 'utf8'), /^line 1\nline two\n/)
})

test('an edit that cannot be meant is refused with the place, and nothing is written', async t => {
  const { call, workspace } = createFileScene(t)
  const before = 'alpha\n  beta\nalpha\naaa\n'
  writeFileSync(join(workspace, 'f'), before)
  writeFileSync(join(workspace, 'binary'), Buffer.from([0xff, 0x00, 0x61]))
  writeFileSync(join(workspace, 'latin'), Buffer.from([0x61, 0xe4, 0x0a]))
  const refusals: Array<[string, Array<[string, string]>, RegExp]> = [
    ['f', [['gamma', 'x']], /edits\[0\]\.oldText was not found in f\. Read the file again/],
    ['f', [['beta ', 'x']], /not found in f\. Line 2 begins like it/],
    ['f', [['alpha', 'x']], /in f more than once \(lines 1, 3\)/],
    ['f', [['aa', 'x']], /more than once \(lines 4, 4\)/],
    ['f', [['beta', 'x'], ['alpha\n  beta', 'y']], /edits\[1\] and edits\[0\] overlap/],
    ['f', [['beta', 'beta']], /would stay as it is/],
    ['g', [['a', 'b']], /File not found: g/],
    ['binary', [['a', 'b']], /not UTF-8 text/],
    ['latin', [['a', 'b']], /not UTF-8 text/]
  ]
  for (const [path, edits, message] of refusals) {
    const { isError, text, details } = await call('edit', { path, edits: edits.map(([oldText, newText]) => ({ oldText, newText })) })
    t.match(text, message)
    t.match({ isError, details }, { isError: true, details: { status: 'error', tool: 'edit', error: text } })
  }
  t.equal(readFileSync(join(workspace, 'f'), 'utf8'), before)
  await t.rejects(call('edit', { path: 'f', edits: [{ oldText: '', newText: 'x' }] }), /oldText must NOT have fewer than 1/)
  await t.rejects(call('edit', { path: 'f', edits: [] }), /edits must NOT have fewer than 1/)
})

test('line ends and the mark at the start stay as the file has them', async t => {
  const { call, workspace } = createFileScene(t)
  const file = join(workspace, 'f')
  writeFileSync(file, '\uFEFFone\r\ntwo\r\nthree\nfour\r\n')
  await call('edit', { path: 'f', edits: [{ oldText: 'one\ntwo', newText: '1\n1b\n2' }] })
  t.equal(readFileSync(file, 'utf8'), '\uFEFF1\r\n1b\r\n2\r\nthree\nfour\r\n')
  await call('apply_patch', { input: '*** Begin Patch\n*** Update File: f\n@@ 1b\n 2\n-three\n+3\n four\n*** End Patch' })
  t.equal(readFileSync(file, 'utf8'), '\uFEFF1\r\n1b\r\n2\r\n3\r\nfour\r\n')
  t.equal((await call('read', { path: 'f', limit: 1 })).details['content'], '1\r\n')
  await call('edit', { path: 'f', edits: [{ oldText: '2', newText: '$& $1 \\n' }] })
  t.match(readFileSync(file, 'utf8'), '\r\n$& $1 \\n\r\n', 'nothing in the new text means more than it says')
})

test('edits of one file at the same time are all there afterwards', async t => {
  const { call, workspace } = createFileScene(t)
  writeFileSync(join(workspace, 'f'), Array.from({ length: 20 }, (_, index) => `<${index}>\n`).join(''))
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) =>
    call('edit', { path: index % 2 ? 'f' : './x/../f', edits: [{ oldText: `<${index}>`, newText: `[${index}]` }] })))
  t.same(answers.filter(({ isError }) => isError), [])
  t.equal(readFileSync(join(workspace, 'f'), 'utf8'), Array.from({ length: 20 }, (_, index) => `[${index}]\n`).join(''))
})

test('what somebody else writes meanwhile is not written over', async t => {
  const { call, workspace } = createFileScene(t)
  const file = join(workspace, 'f')
  const filler = 'x'.repeat(2_000_000)
  let kept = 0
  for (let round = 0; round < 20; round++) {
    writeFileSync(file, `start ${filler}`)
    const editing = call('edit', { path: 'f', edits: [{ oldText: 'start', newText: 'edited' }] })
    await new Promise(resolve => { setTimeout(resolve, round % 10) })
    const theirs = `somebody else ${round}`
    writeFileSync(file, theirs)
    const { isError, text } = await editing
    if (!isError) continue
    kept++
    t.match(text, /was changed by somebody else meanwhile|not found/)
    t.equal(readFileSync(file, 'utf8'), theirs)
  }
  t.ok(kept > 0, 'it happened')
  t.same(left(workspace), [])
})

test('a call that was aborted writes nothing', async t => {
  const { call, workspace } = createFileScene(t)
  await t.rejects(call('write', { path: 'f', content: 'x' }, AbortSignal.abort(new Error('the run ended'))), /the run ended/)
  t.same(readdirSync(workspace), [])
})

test('a file with more than can be changed here is refused before it is read', async t => {
  const { call, workspace } = createFileScene(t)
  writeFileSync(join(workspace, 'large'), Buffer.alloc(10 * 1024 * 1024 + 1, 'a'))
  t.match((await call('edit', { path: 'large', edits: [{ oldText: 'b', newText: 'c' }] })).text, /large has 10\.0 MB/)
  t.match((await call('write', { path: 'new', content: 'é'.repeat(6 * 1024 * 1024) })).text, /at most 10485760 bytes/)
})

test('texts that have nothing in common are compared without delay', async t => {
  const { call, workspace } = createFileScene(t)
  const lines = (mark: string): string => Array.from({ length: 40_000 }, (_, index) => `${mark}${index}\n`).join('')
  writeFileSync(join(workspace, 'f'), lines('a'))
  let longest = 0
  let last = performance.now()
  const pulse = setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now() }, 1)
  const { details } = await call('write', { path: 'f', content: lines('b') })
  clearInterval(pulse)
  t.match(details, { changed: true, firstChangedLine: 1 })
  t.ok(details['diff'].length < 70_000 && details['patch'].length < 70_000)
  t.comment(`longest stop of the loop: ${longest.toFixed(0)} ms`)
  mkdirSync(join(workspace, 'd'))
  t.match((await call('write', { path: 'd', content: '' })).text, /d is a directory/)
})
