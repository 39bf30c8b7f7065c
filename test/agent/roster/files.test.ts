import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { contractProblem } from '../../contract.ts'
import { withFile } from './scene.ts'

/** The published shape is older than the field that guards against writing over somebody else's change. */
const withoutHash = <T extends { file: object }>(answer: T): T => ({ ...answer, file: { ...answer.file, hash: undefined } })

t.test('the files that tell an agent who it is are listed, read and written', async t => {
  const { call, gateway } = await withFile(t)
  const workspace = join(gateway.stateDir, 'workspace')
  const empty = await call('agents.files.list', { agentId: 'main' })
  t.equal(contractProblem('AgentsFilesListResult', empty), undefined)
  t.match(empty, { workspace, files: [{ name: 'AGENTS.md', missing: true }, { name: 'SOUL.md', missing: true }] })
  const written = await call('agents.files.set', { agentId: 'main', name: 'SOUL.md', content: 'be kind\n' })
  t.equal(contractProblem('AgentsFilesSetResult', JSON.parse(JSON.stringify(withoutHash(written as never)))), undefined)
  t.equal(readFileSync(join(workspace, 'SOUL.md'), 'utf8'), 'be kind\n')
  t.equal(statSync(join(workspace, 'SOUL.md')).mode & 0o077, 0, 'nobody else may read it')
  const read = await call('agents.files.get', { agentId: 'main', name: 'SOUL.md' })
  t.equal(contractProblem('AgentsFilesGetResult', JSON.parse(JSON.stringify(withoutHash(read as never)))), undefined)
  t.match(read.file, { missing: false, size: 8, content: 'be kind\n', hash: createHash('sha256').update('be kind\n').digest('hex') })
  t.match(await call('agents.files.get', { agentId: 'main', name: 'MEMORY.md' }), { file: { missing: true, expectedAbsent: true } })
})

t.test('a change that was made from an older text is refused', async t => {
  const { call, refused } = await withFile(t)
  const file = { agentId: 'main', name: 'USER.md' }
  const { file: first } = await call('agents.files.set', { ...file, content: 'one', expectedHash: '' })
  await call('agents.files.set', { ...file, content: 'two', expectedHash: first.hash })
  const refusal = await refused('agents.files.set', { ...file, content: 'three', expectedHash: first.hash })
  t.match(refusal, { details: { code: 'FILE_CHANGED', hash: createHash('sha256').update('two').digest('hex') } })
  t.match(await call('agents.files.get', file), { file: { content: 'two' } })
  const racing = await Promise.all(['a', 'b', 'c'].map(content => call('agents.files.set', { ...file, content, expectedHash: refusal.details.hash }).then(() => 1, () => 0)))
  t.equal(racing.reduce((sum: number, won) => sum + won, 0), 1, 'of several at once one wins')
})

t.test('no name and no link leads out of the workspace', async t => {
  const { call, refused, gateway } = await withFile(t)
  const workspace = join(gateway.stateDir, 'workspace')
  mkdirSync(join(workspace, 'notes'), { recursive: true })
  writeFileSync(join(gateway.stateDir, 'secret.md'), 'secret')
  symlinkSync(join(gateway.stateDir, 'secret.md'), join(workspace, 'AGENTS.md'))
  symlinkSync(join(gateway.stateDir, 'nothing-yet'), join(workspace, 'TOOLS.md'))
  symlinkSync(gateway.stateDir, join(workspace, 'out'))
  symlinkSync('LOOP.md', join(workspace, 'LOOP.md'))
  execFileSync('mkfifo', [join(workspace, 'SOUL.md')])
  for (const name of ['../secret.md', '/etc/passwd', 'notes/AGENTS.md', 'agents.md', 'AGENTS.md\0', 'openclaw.json']) {
    t.match(await refused('agents.files.get', { agentId: 'main', name }), { message: /unsupported file/ }, name)
    t.match(await refused('agents.files.set', { agentId: 'main', name, content: 'x' }), { details: { code: 'FILE_UNSUPPORTED' } }, name)
  }
  for (const name of ['AGENTS.md', 'TOOLS.md']) {
    t.match(await refused('agents.files.get', { agentId: 'main', name }), { details: { code: 'FILE_UNSAFE' } }, name)
    t.match(await refused('agents.files.set', { agentId: 'main', name, content: 'x' }), { details: { code: 'FILE_UNSAFE' } }, name)
  }
  t.match(await refused('agents.files.get', { agentId: 'main', name: 'SOUL.md' }), { details: { code: 'FILE_UNSAFE' } }, 'a pipe')
  t.equal(readFileSync(join(gateway.stateDir, 'secret.md'), 'utf8'), 'secret')
  for (const path of ['../secret.md', 'notes/../../secret.md', 'out/secret.md', 'AGENTS.md', 'LOOP.md', '..\\secret.md', 'x\0y']) {
    t.match(await refused('agents.workspace.get', { agentId: 'main', path }), { details: { code: 'FILE_UNSAFE' } }, JSON.stringify(path))
  }
  t.match(await refused('agents.workspace.list', { agentId: 'main', path: 'out' }), { details: { code: 'FILE_UNSAFE' } })
  t.match(await call('agents.workspace.list', { agentId: 'main' }), { entries: [{ name: 'notes' }], totalEntries: 1 }, 'links and pipes are not even named')
})

t.test('files that are too large are refused with the limit', async t => {
  const { refused, gateway } = await withFile(t)
  const large = 'x'.repeat(1024 * 1024 + 1)
  t.match(await refused('agents.files.set', { agentId: 'main', name: 'SOUL.md', content: large }), { details: { code: 'PAYLOAD_TOO_LARGE', limitBytes: 1024 * 1024 } })
  mkdirSync(join(gateway.stateDir, 'workspace'))
  writeFileSync(join(gateway.stateDir, 'workspace', 'SOUL.md'), large)
  t.match(await refused('agents.files.get', { agentId: 'main', name: 'SOUL.md' }), { details: { limitBytes: 1024 * 1024, size: large.length } })
})

t.test('everything else in a workspace can be looked at, page by page', async t => {
  const { call, refused, gateway } = await withFile(t)
  const workspace = join(gateway.stateDir, 'workspace')
  t.match(await call('agents.workspace.list', { agentId: 'main' }), { entries: [], totalEntries: 0 }, 'one that is not there is empty')
  mkdirSync(join(workspace, 'notes', 'deep'), { recursive: true })
  writeFileSync(join(workspace, 'notes', 'a.md'), '# ä')
  writeFileSync(join(workspace, 'notes', 'b.png'), Buffer.from([0x89, 0x50, 0, 0xff]))
  const page = await call('agents.workspace.list', { agentId: 'main', path: './notes/', offset: 1, limit: 1 })
  t.equal(contractProblem('AgentsWorkspaceListResult', page), undefined)
  t.match(page, { path: 'notes', parentPath: '', entries: [{ path: 'notes/a.md', kind: 'file', size: 4 }], totalEntries: 3, offset: 1 })
  t.match(await call('agents.workspace.list', { agentId: 'main', path: 'notes/deep' }), { parentPath: 'notes', entries: [] })
  const text = await call('agents.workspace.get', { agentId: 'main', path: 'notes/a.md' })
  t.equal(contractProblem('AgentsWorkspaceGetResult', text), undefined)
  t.match(text.file, { mimeType: 'text/markdown', encoding: 'utf8', content: '# ä' })
  t.match((await call('agents.workspace.get', { agentId: 'main', path: 'notes/b.png' })).file, { mimeType: 'image/png', encoding: 'base64', content: 'iVAA/w==' })
  t.match(await refused('agents.workspace.get', { agentId: 'main', path: 'notes/none' }), { details: { code: 'NOT_FOUND' } })
  t.match(await refused('agents.workspace.list', { agentId: 'main', path: 'notes/a.md' }), { details: { code: 'NOT_FOUND' } })
})
