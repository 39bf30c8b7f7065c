import { chmodSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ToolRefusal } from '../../../src/tools/invocation.ts'
import { createFileScene, type FileScene } from './scene.ts'

const patch = (...lines: string[]): { input: string } => ({ input: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') })
const text = ({ workspace }: FileScene, name: string): string => readFileSync(join(workspace, name), 'utf8')

function furnished (t: { testdir (): string, teardown (fn: () => unknown): void }): FileScene {
  const scene = createFileScene(t)
  writeFileSync(join(scene.workspace, 'a.txt'), 'one\ntwo\nthree\n')
  writeFileSync(join(scene.workspace, 'b.txt'), 'head\nsame\nx\nsame\nx\ntail')
  writeFileSync(join(scene.workspace, 'old.sh'), 'echo old\n')
  chmodSync(join(scene.workspace, 'old.sh'), 0o755)
  writeFileSync(join(scene.workspace, 'gone.txt'), 'gone\n')
  return scene
}

test('one patch adds, changes, moves and deletes', async t => {
  const scene = furnished(t)
  const answer = await scene.call('apply_patch', patch(
    '*** Add File: new/deep/n.txt', '+first', '+', '+last',
    '*** Update File: a.txt', '@@', ' one', '-two', '+2', ' three',
    '*** Update File: b.txt', '@@ same', '@@ same', '-x', '+y', '@@', '+appended', '*** End of File',
    '*** Update File: old.sh', '*** Move to: bin/new.sh', '@@', '-echo old', '+echo new',
    '*** Delete File: gone.txt'))
  t.same(answer.details, { summary: { added: ['new/deep/n.txt', 'bin/new.sh'], modified: ['a.txt', 'b.txt'], deleted: ['old.sh', 'gone.txt'] } })
  t.match(answer.text, /^Success\. Updated the following files:\nA new\/deep\/n\.txt\n/)
  t.equal(text(scene, 'new/deep/n.txt'), 'first\n\nlast\n')
  t.equal(text(scene, 'a.txt'), 'one\n2\nthree\n')
  t.equal(text(scene, 'b.txt'), 'head\nsame\nx\nsame\ny\ntail\nappended\n')
  t.equal(text(scene, 'bin/new.sh'), 'echo new\n')
  t.equal(statSync(join(scene.workspace, 'bin/new.sh')).mode & 0o777, 0o755)
  t.same(readdirSync(scene.workspace).sort(), ['a.txt', 'b.txt', 'bin', 'new'])
})

test('when one part of a patch cannot be done, none is', async t => {
  const scene = furnished(t)
  const before = readdirSync(scene.workspace).map(name => [name, text(scene, name)])
  const good = ['*** Update File: a.txt', '@@', '-two', '+2', '*** Delete File: gone.txt']
  const bad: Array<[string[], RegExp]> = [
    [['*** Update File: b.txt', '@@', '-nowhere', '+x'], /b\.txt, hunk 1 of 1: these lines were not found:\nnowhere/],
    [['*** Update File: b.txt', '@@ nowhere', '-x', '+y'], /the line "nowhere" after @@ was not found/],
    [['*** Update File: b.txt', '@@', ' tail', '-same', '+x'], /not found/],
    [['*** Update File: missing.txt', '@@', '-a', '+b'], /File not found: missing\.txt/],
    [['*** Delete File: missing.txt'], /File not found: missing\.txt/],
    [['*** Add File: b.txt', '+x'], /b\.txt is there already/],
    [['*** Update File: old.sh', '*** Move to: b.txt', '@@', '-echo old', '+echo new'], /b\.txt is there already/],
    [['*** Add File: ../x', '+x'], /Not allowed/]
  ]
  for (const [part, message] of bad) {
    const { isError, text: said, details } = await scene.call('apply_patch', patch(...good, ...part))
    t.match(said, message)
    t.match({ isError, details }, { isError: true, details: { status: 'error', tool: 'apply_patch' } })
  }
  t.same(readdirSync(scene.workspace).map(name => [name, text(scene, name)]), before)
})

test('a patch that fails halfway through its writes takes back what was done', async t => {
  const scene = furnished(t)
  const other = join(scene.workspace, 'b.txt')
  let round = 0
  // Somebody who writes the second file all the time: it is never as it was when it was read.
  let theirs: NodeJS.Immediate
  const write = (): void => {
    writeFileSync(join(scene.base, 'next'), `same\n${++round}\n`)
    renameSync(join(scene.base, 'next'), other)
    theirs = setImmediate(write)
  }
  write()
  t.teardown(() => clearImmediate(theirs))
  const filler = '+x'.repeat(500_000)
  const answers = []
  for (let tries = 0; tries < 5; tries++) {
    answers.push(await scene.call('apply_patch', patch(
      '*** Update File: a.txt', '@@', '-two', '+2', `*** Add File: new-${tries}.txt`, filler, '*** Update File: b.txt', '@@', ' same', '+mine')))
  }
  clearImmediate(theirs!)
  for (const { isError, text: said } of answers) {
    t.equal(isError, true)
    t.match(said, /b\.txt was changed by somebody else meanwhile; nothing was written/)
  }
  t.equal(text(scene, 'a.txt'), 'one\ntwo\nthree\n')
  t.same(readdirSync(scene.workspace).sort(), ['a.txt', 'b.txt', 'gone.txt', 'old.sh'])
})

test('later parts of a patch see what earlier parts did', async t => {
  const scene = furnished(t)
  const { details } = await scene.call('apply_patch', patch(
    '*** Delete File: gone.txt', '*** Add File: gone.txt', '+back',
    '*** Update File: a.txt', '@@', '-one', '+1', '*** Update File: ./a.txt', '@@', ' 1', '-two', '+2'))
  t.same(details['summary'], { added: [], modified: ['gone.txt', 'a.txt'], deleted: [] })
  t.equal(text(scene, 'gone.txt'), 'back\n')
  t.equal(text(scene, 'a.txt'), '1\n2\nthree\n')
})

test('text that is no patch is refused with the line and what was expected there', async t => {
  const scene = furnished(t)
  const broken: Array<[string, RegExp]> = [
    ['hello', /line 1 of the patch: expected "\*\*\* Begin Patch"/],
    ['*** Begin Patch\n*** Add File: x\n+a', /expected "\*\*\* End Patch"; the patch may have been cut off/],
    ['*** Begin Patch\n*** End Patch', /the patch is empty/],
    ['*** Begin Patch\n--- a\n+++ b\n*** End Patch', /line 2 of the patch: expected "\*\*\* Add File/],
    ['*** Begin Patch\n*** Update File: a.txt\n*** End Patch', /line 3 of the patch: nothing is to be changed in a\.txt/],
    ['*** Begin Patch\n*** Update File: a.txt\n@@\n one\n*** End Patch', /line 4 of the patch: this hunk changes nothing/],
    ['*** Begin Patch\n*** Update File: a.txt\n@@\n?x\n*** End Patch', /line 4 of the patch: expected "@@" or lines that start/]
  ]
  for (const [input, message] of broken) {
    await t.rejects(scene.call('apply_patch', { input }), message)
    t.ok(await scene.call('apply_patch', { input }).catch(error => error) instanceof ToolRefusal)
  }
  const wrapped = "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: a.txt\n@@ -1,3 +1,3 @@\n-two\n+2\n*** End Patch\nEOF\n"
  t.equal((await scene.call('apply_patch', { input: wrapped })).isError, false, 'the wrapping of a shell is taken off')
  t.equal(text(scene, 'a.txt'), 'one\n2\nthree\n')
})

test('patches of the same files at the same time happen one after the other', async t => {
  const scene = furnished(t)
  mkdirSync(join(scene.workspace, 'd'))
  const counting = (file: string): string[] => [`*** Update File: ${file}`, '@@', '+more', '*** End of File']
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) =>
    scene.call('apply_patch', patch(...(index % 2 ? [...counting('a.txt'), ...counting('b.txt')] : [...counting('b.txt'), ...counting('a.txt')])))))
  t.same(answers.filter(({ isError }) => isError), [])
  for (const name of ['a.txt', 'b.txt']) t.equal(text(scene, name).match(/more/g)!.length, 12)
})
