import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { validateConfig } from '../../../src/config/validate.ts'
import { read } from '../../../src/tools/builtin/read.ts'
import { write } from '../../../src/tools/builtin/write.ts'
import { mayElevate } from '../../../src/tools/sandbox/elevation.ts'
import { bubblewrapMissing, createSandboxScene, type SandboxScene } from './scene.ts'

const session = (sessionKey: string, agentId = 'main') => ({ agentId, sessionKey })

async function call (scene: SandboxScene, factory: typeof read, args: object): Promise<{ text: string, isError: boolean }> {
  const context = { ...session('agent:main:main'), callId: 'c', signal: new AbortController().signal, update () {} }
  const { content: [part], isError = false } = await factory({ files: scene.files }).run({ ...args }, context)
  return { text: part?.type === 'text' ? part.text : '', isError }
}

test('the mode says which sessions are in a sandbox, and an agent may say otherwise', async t => {
  const agents = { list: [{ id: 'main' }, { id: 'open', sandbox: { mode: 'off' } }, { id: 'closed', sandbox: { mode: 'all' } }] }
  const expected = { off: [false, false, false, true], 'non-main': [false, true, false, true], all: [true, true, false, true] }
  for (const [mode, answers] of Object.entries(expected)) {
    const { sandbox } = createSandboxScene(t, { sandbox: { mode }, agents })
    const asked = [session('agent:main:main'), session('agent:main:telegram:direct:7'), session('agent:open:x', 'open'), session('agent:closed:main', 'closed')]
    t.same(await Promise.all(asked.map(async one => await sandbox.plan(one) !== undefined)), answers, mode)
  }
})

test('a command that belongs into a sandbox does not run when there is none', async t => {
  const missing = createSandboxScene(t, { sandbox: { mode: 'all', backend: 'openshell' } })
  await t.rejects(missing.run('touch ran'), /Refused: this session runs its commands in a sandbox, and the backend "openshell" is not offered/)
  const closed = createSandboxScene(t, { sandbox: { mode: 'all', workspaceAccess: 'rw' }, tools: { exec: { denyPaths: ['~/state/workspace'] } } })
  await t.rejects(closed.run('touch ran'), /tools\.exec\.denyPaths closes/)
})

test('a program that only looks like bubblewrap is not trusted with a command', { skip: process.platform !== 'linux' && 'needs Linux' }, async t => {
  const scene = createSandboxScene(t, { env: { PATH: '/nowhere:relative' } })
  await t.rejects(scene.run('touch ran'), /and bubblewrap is not installed\. Install it: "apt-get install bubblewrap"/)
  const fake = join(scene.base, 'bin')
  mkdirSync(fake)
  writeFileSync(join(fake, 'bwrap'), '#!/bin/sh\necho "No permissions to create new namespace" >&2\nexit 1\n', { mode: 0o755 })
  const broken = createSandboxScene(t, { env: { PATH: fake } })
  await t.rejects(broken.run('touch ran'), /bubblewrap cannot make one here \(No permissions to create new namespace\)\. The kernel must allow user namespaces/)
})

test('file tools see what the sandbox sees, under the names that it has there', async t => {
  const own = createSandboxScene(t)
  writeFileSync(join(own.workspace, 'notes.md'), 'of the host')
  t.equal((await call(own, read, { path: 'notes.md' })).isError, true)
  t.equal((await call(own, read, { path: join(own.workspace, 'notes.md') })).isError, true)
  t.equal((await call(own, write, { path: '/workspace/f', content: 'made by a tool' })).isError, false)
  t.equal((await call(own, read, { path: 'f' })).text, 'made by a tool')
  if (!bubblewrapMissing()) t.equal((await own.run('cat /workspace/f')).out, 'made by a tool')
  for (const [workspaceAccess, isRefused] of [['ro', true], ['rw', false]] as const) {
    const scene = createSandboxScene(t, { sandbox: { mode: 'all', workspaceAccess } })
    writeFileSync(join(scene.workspace, 'notes.md'), 'shared')
    t.equal((await call(scene, read, { path: '/workspace/notes.md' })).text, 'shared')
    t.equal((await call(scene, write, { path: 'notes.md', content: 'changed' })).isError, isRefused, workspaceAccess)
    t.equal(readFileSync(join(scene.workspace, 'notes.md'), 'utf8'), isRefused ? 'shared' : 'changed')
    for (const path of ['../state/openclaw.json', '~/x', '/etc/passwd', join(scene.base, 'x')]) t.equal((await call(scene, read, { path })).isError, true, path)
  }
})

test('only senders who are named for their channel may leave the sandbox', async t => {
  const allowFrom = { telegram: ['7', '@Someone', 'username:ada', 'name:Ada L'], discord: ['*'], bad: 'x' }
  const { config } = validateConfig({
    tools: { elevated: { allowFrom } },
    agents: { list: [{ id: 'main' }, { id: 'off', tools: { elevated: { enabled: false } } }, { id: 'narrow', tools: { elevated: { allowFrom: { telegram: ['8'] } } } }] }
  })
  const may = (channel: string, id: string, more: object = {}, agentId = 'main'): boolean => mayElevate(config, agentId, { channel, id, ...more })
  t.same([may('telegram', '7'), may('telegram', 'someone'), may('telegram', '9', { username: 'Ada' }), may('telegram', '9', { name: 'ada l' })], [true, true, true, true])
  t.same([may('telegram', '77'), may('telegram', ''), may('discord', '7'), may('discord', '*'), may('bad', 'x'), may('__proto__', '7')], [false, false, false, false, false, false])
  t.same([may('telegram', '9', { name: '7' }), may('telegram', '9', { username: 'someone' })], [false, false], 'a name that somebody chose is no id')
  t.same([may('telegram', '7', {}, 'off'), may('telegram', '7', {}, 'narrow'), may('telegram', '8', {}, 'narrow')], [false, false, false])
  t.equal(mayElevate(config, 'main', undefined), false)
  t.equal(mayElevate(validateConfig({}).config, 'main', { channel: 'telegram', id: '7' }), false, 'closed until somebody is named')
  t.equal(mayElevate(validateConfig({ tools: { elevated: { enabled: false, allowFrom } } }).config, 'main', { channel: 'telegram', id: '7' }), false)
  const scene = createSandboxScene(t, { tools: { elevated: { allowFrom } } })
  const from = { channel: 'telegram', id: '7' }
  t.equal((await scene.sandbox.launcherFor({ ...session('agent:main:main'), isElevated: true, from })).kind, 'host')
  await t.rejects(scene.sandbox.launcherFor({ ...session('agent:main:telegram:direct:7'), isElevated: true }), /nobody who may leave it/, 'a name is no proof')
  if (!bubblewrapMissing()) t.equal((await scene.sandbox.launcherFor({ ...session('agent:main:main'), from })).kind, 'sandbox', 'only when it is asked for')
  await t.rejects(scene.sandbox.launcherFor({ ...session('agent:main:main'), isElevated: true, from: { channel: 'telegram', id: '9' } }), /nobody who may leave it has asked for that\. tools\.elevated\.allowFrom/)
})
