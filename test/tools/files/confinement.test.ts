import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync, existsSync, linkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { createFileScene, type FileScene } from './scene.ts'

const secret = 'canary-of-somebody-else'

/** Files that the agent has no business with, and links that lead to them. */
function withTraps (scene: FileScene): void {
  const { base, workspace, stateDir } = scene
  mkdirSync(join(base, 'outside'))
  mkdirSync(join(base, 'state', 'workspace-evil'))
  for (const file of ['outside/secret.txt', 'state/openclaw.json', 'state/workspace-evil/secret.txt', 'secret.txt']) writeFileSync(join(base, file), secret)
  mkdirSync(join(workspace, 'inside'))
  writeFileSync(join(workspace, 'inside', 'own.txt'), 'own')
  symlinkSync(join(base, 'outside'), join(workspace, 'link-dir'))
  symlinkSync('../../outside/secret.txt', join(workspace, 'link-file'))
  symlinkSync('link-file', join(workspace, 'link-to-link'))
  symlinkSync('/', join(workspace, 'link-root'))
  symlinkSync(join(base, 'outside', 'new.txt'), join(workspace, 'link-to-nothing'))
  symlinkSync('loop-b', join(workspace, 'loop-a'))
  symlinkSync('loop-a', join(workspace, 'loop-b'))
  symlinkSync('..', join(workspace, 'inside', 'up'))
  symlinkSync(stateDir, join(workspace, 'link-state'))
}

/** Odd, but names of nothing inside the workspace: a file may be made there. */
const harmless = ['inside/up/../openclaw.json', 'file:///etc/passwd', '..\\..\\outside\\secret.txt']

const attacks = (base: string): string[] => [
  '../openclaw.json', '../../outside/secret.txt', 'inside/../../../outside/secret.txt', join(base, 'outside/secret.txt'), join(base, 'secret.txt'),
  '../workspace-evil/secret.txt', join(base, 'state/workspace-evil/secret.txt'), 'link-dir/secret.txt', 'link-file', 'link-to-link',
  `link-root${base}/outside/secret.txt`, 'link-state/openclaw.json', 'inside/up/link-file', './/..//openclaw.json',
  '~/secret.txt', '~/outside/secret.txt', 'loop-a', 'link-to-nothing', '/etc/passwd', '/proc/self/environ', join('/proc/self', 'root', 'etc/passwd'), '/dev/zero',
  `/proc/${process.pid}/cwd/package.json`, 'x\0/../secret.txt', `${'a/'.repeat(3000)}b`
]

test('no spelling of a path leads out of the workspace, whichever tool is asked', async t => {
  const scene = createFileScene(t)
  withTraps(scene)
  const outsideBefore = readdirSync(join(scene.base, 'outside'))
  for (const path of [...attacks(scene.base), ...harmless]) {
    const movedTo = harmless.includes(path) ? '../x' : path
    const calls = await Promise.all([
      scene.call('read', { path }),
      scene.call('edit', { path, edits: [{ oldText: secret, newText: 'x' }] }),
      scene.call('apply_patch', { input: `*** Begin Patch\n*** Delete File: ${path}\n*** End Patch` }),
      scene.call('apply_patch', { input: `*** Begin Patch\n*** Update File: inside/own.txt\n*** Move to: ${movedTo}\n*** End Patch` })
    ])
    for (const { isError, content } of calls) {
      t.equal(isError, true, path)
      t.notMatch(JSON.stringify(content), secret, path)
    }
  }
  for (const path of ['link-dir/x', 'link-to-nothing', '../x', '../../outside/x', 'link-root/x', 'loop-a/x', `${scene.base}/x`, 'link-file']) {
    t.equal((await scene.call('write', { path, content: 'x' })).isError, true, path)
  }
  for (const path of ['..', '/', 'link-dir', 'link-root', '../workspace-evil', '~', '/proc/self/fd']) {
    t.equal((await scene.call('ls', { path })).isError, true, path)
  }
  t.same(readdirSync(join(scene.base, 'outside')), outsideBefore)
  for (const file of ['outside/secret.txt', 'state/openclaw.json', 'secret.txt']) t.equal(readFileSync(join(scene.base, file), 'utf8'), secret)
  t.equal(readFileSync(join(scene.workspace, 'inside', 'own.txt'), 'utf8'), 'own')
})

test('links that stay inside are followed, and a failure says what is allowed', async t => {
  const scene = createFileScene(t)
  withTraps(scene)
  t.equal((await scene.call('read', { path: 'inside/up/inside/own.txt' })).text, 'own')
  t.equal((await scene.call('read', { path: join(scene.workspace, 'inside/own.txt') })).text, 'own')
  const { text, details } = await scene.call('read', { path: 'link-file' })
  t.equal(text, `Not allowed: link-file is outside of what this agent may use. Use paths below ${scene.workspace}.`)
  t.same(details, { status: 'error', tool: 'read', error: text })
})

test('more places come with allowedPaths, and denyPaths wins after links are followed', async t => {
  const scene = createFileScene(t, { tools: { exec: { allowedPaths: ['~/shared', '~/alias'], denyPaths: ['~/shared/private', '~/state/workspace/hidden'] } } })
  for (const directory of ['shared/private', 'state/workspace/hidden', 'target']) mkdirSync(join(scene.base, directory), { recursive: true })
  symlinkSync(join(scene.base, 'target'), join(scene.base, 'alias'))
  symlinkSync(join(scene.base, 'shared', 'private'), join(scene.workspace, 'way'))
  symlinkSync('hidden', join(scene.workspace, 'other-name'))
  for (const file of ['shared/a.txt', 'shared/private/b.txt', 'state/workspace/hidden/c.txt', 'target/d.txt']) writeFileSync(join(scene.base, file), 'text')
  for (const path of ['~/shared/a.txt', join(scene.base, 'target/d.txt'), '~/alias/d.txt']) t.equal((await scene.call('read', { path })).text, 'text', path)
  for (const path of ['~/shared/private/b.txt', 'way/b.txt', 'hidden/c.txt', 'other-name/c.txt']) t.equal((await scene.call('read', { path })).isError, true, path)
  t.equal((await scene.call('write', { path: '~/shared/new/e.txt', content: 'e' })).isError, false)
  t.equal(readFileSync(join(scene.base, 'shared/new/e.txt'), 'utf8'), 'e')
})

test('with workspaceOnly off the state directory and the configuration stay closed, and the workspace in it open', async t => {
  const scene = createFileScene(t, { tools: { fs: { workspaceOnly: false } } })
  withTraps(scene)
  t.equal((await scene.call('read', { path: '~/outside/secret.txt' })).text, secret)
  t.equal((await scene.call('read', { path: 'inside/own.txt' })).text, 'own')
  for (const path of ['../openclaw.json', 'link-state/openclaw.json', '../workspace-evil/secret.txt']) t.equal((await scene.call('read', { path })).isError, true, path)
})

test('devices, pipes, sockets and directories are refused at once', async t => {
  const scene = createFileScene(t, { tools: { fs: { workspaceOnly: false } } })
  execFileSync('mkfifo', [join(scene.workspace, 'pipe')])
  const elsewhere = mkdtempSync(join(tmpdir(), 'files-'))
  const socket = createServer().listen(join(elsewhere, 's'))
  t.teardown(() => { socket.close(); rmSync(elsewhere, { recursive: true, force: true }) })
  await new Promise(resolve => socket.once('listening', resolve))
  for (const path of ['pipe', '/dev/zero', '/dev/random', '/dev/tty', join(elsewhere, 's'), '.', '~']) {
    t.equal((await scene.call('read', { path })).isError, true, path)
    t.equal((await scene.call('write', { path, content: 'x' })).isError, true, path)
    t.equal((await scene.call('edit', { path, edits: [{ oldText: 'a', newText: 'b' }] })).isError, true, path)
  }
})

test('a write to a file with a second name outside leaves what has that name alone', async t => {
  const scene = createFileScene(t)
  withTraps(scene)
  linkSync(join(scene.base, 'outside/secret.txt'), join(scene.workspace, 'hard'))
  t.equal((await scene.call('write', { path: 'hard', content: 'mine' })).isError, false)
  t.equal(readFileSync(join(scene.base, 'outside/secret.txt'), 'utf8'), secret)
  t.equal(readFileSync(join(scene.workspace, 'hard'), 'utf8'), 'mine')
})

test('whoever swaps a directory for a link while tools work gets nothing out and nothing written', async t => {
  const scene = createFileScene(t)
  withTraps(scene)
  const { workspace, base } = scene
  mkdirSync(join(workspace, 'swap'))
  writeFileSync(join(workspace, 'swap', 'secret.txt'), 'own')
  const over = new AbortController()
  const swapping = (async () => {
    for (let round = 0; !over.signal.aborted; round++) {
      renameSync(join(workspace, 'swap'), join(workspace, 'aside'))
      symlinkSync(join(base, 'outside'), join(workspace, 'swap'))
      await sleep(round % 4)
      unlinkSync(join(workspace, 'swap'))
      renameSync(join(workspace, 'aside'), join(workspace, 'swap'))
      await sleep(round % 3)
    }
  })()
  const seen = new Set<string>()
  // Long enough for both sides to have had their turn.
  for (let round = 0; round < 150 || (seen.size < 4 && round < 3000); round++) {
    const [shown, written] = await Promise.all([
      scene.call('read', { path: 'swap/secret.txt' }),
      scene.call('write', { path: `swap/new-${round}.txt`, content: 'x' }),
      scene.call('edit', { path: 'swap/secret.txt', edits: [{ oldText: secret, newText: 'changed' }] }),
      scene.call('ls', { path: 'swap' })
    ])
    t.notMatch(JSON.stringify(shown), secret)
    seen.add(shown.isError ? 'refused' : 'read').add(written.isError ? 'not written' : 'written')
  }
  over.abort()
  await swapping
  t.same(readdirSync(join(base, 'outside')), ['secret.txt'])
  t.equal(readFileSync(join(base, 'outside/secret.txt'), 'utf8'), secret)
  t.same([...seen].sort(), ['not written', 'read', 'refused', 'written'], 'both sides had their turn')
})

test('whoever swaps a file for a link while tools work gets nothing out', async t => {
  const scene = createFileScene(t)
  withTraps(scene)
  const path = join(scene.workspace, 'flip')
  writeFileSync(path, 'own')
  const over = new AbortController()
  const swapping = (async () => {
    while (!over.signal.aborted) {
      for (const make of [() => symlinkSync(join(scene.base, 'outside/secret.txt'), path), () => writeFileSync(path, 'own')]) {
        unlinkSync(path)
        make()
        await new Promise(resolve => { setImmediate(resolve) })
      }
    }
  })()
  for (let round = 0; round < 300; round++) t.notMatch(JSON.stringify(await scene.call('read', { path: 'flip' })), secret)
  over.abort()
  await swapping
  t.ok(existsSync(path))
})
