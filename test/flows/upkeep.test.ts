import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { applicationId, migrations } from '../../src/store/sqlite/migrations.ts'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'

const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
const working = { gateway: { mode: 'local', auth: { token: 'flow-token-0123456789abcdef0123456789abcdef' } } }
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

async function fill (stateDir: string, count: number): Promise<void> {
  const store = await createSqliteStore({ stateDir })
  for (let seq = 1; seq <= count; seq++) {
    await store.commit([
      { op: 'append', sessionId: 's', seq, id: `l${seq}`, value: { text: 'x'.repeat(500) } },
      { op: 'put', collection: 'sessions', key: 'agent:main:main', value: { seq } }
    ])
  }
  await store.close()
}

async function linesOf (stateDir: string): Promise<number> {
  const store = await createSqliteStore({ stateDir, readOnly: true })
  const { lines } = await store.lines.extent('s')
  await store.close()
  return lines
}

/** A home with 50 lines of a conversation, a token and a note of the user. */
async function livedIn (t: Test): Promise<Home & { backup: string, cli: (...argv: string[]) => ReturnType<typeof runCli> }> {
  const home = await makeHome(t, working)
  await fill(home.stateDir, 50)
  mkdirSync(join(home.stateDir, 'workspace'), { recursive: true })
  writeFileSync(join(home.stateDir, 'workspace', 'AGENTS.md'), 'be kind')
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  return { ...home, cli, backup: join(home.stateDir, '..', 'backup.sqlite') }
}

t.test('a backup is made while the gateway runs, and a restore brings everything back', async t => {
  const { cli, stateDir, backup, ...home } = await livedIn(t)
  const daemon = await startDaemon(t, { stateDir, ...home })
  const made = await cli('backup', '--output', backup, '--json')
  t.equal(made.code, 0, made.err)
  t.match(JSON.parse(made.out), { ok: true, path: backup, leftOut: [] })
  t.equal(modeOf(backup), '600')
  t.match(await cli('restore', backup), { code: 69, err: /Not while the gateway runs: .*pid \d+/ })
  const token = readFileSync(join(stateDir, 'admin.token'), 'utf8')
  t.equal(await daemon.stop(), 0)

  rmSync(join(stateDir, 'admin.token'))
  writeFileSync(join(stateDir, 'workspace', 'AGENTS.md'), 'changed since')
  writeFileSync(join(stateDir, 'later.json'), 'is not in the backup', { mode: 0o600 })
  for (const name of readdirSync(stateDir)) if (name.startsWith('state.')) rmSync(join(stateDir, name))
  await fill(stateDir, 3)

  const restored = JSON.parse((await cli('restore', backup, '--json')).out)
  t.equal(await linesOf(stateDir), 50)
  t.equal(readFileSync(join(stateDir, 'admin.token'), 'utf8'), token)
  t.equal(modeOf(join(stateDir, 'admin.token')), '600')
  t.equal(readFileSync(join(stateDir, 'workspace', 'AGENTS.md'), 'utf8'), 'be kind')
  t.ok(existsSync(join(stateDir, 'later.json')))
  t.equal(readFileSync(join(restored.aside, 'workspace', 'AGENTS.md'), 'utf8'), 'changed since')
  t.equal(await linesOf(restored.aside), 3)
  const again = await startDaemon(t, { stateDir, ...home })
  t.match(await cli('devices', 'list', '--json'), { code: 0 })
  t.equal(await again.stop(), 0)
})

t.test('a copy of the database alone, kept before its shape changed, is the way back one version', async t => {
  const { cli, stateDir, backup } = await livedIn(t)
  const copy = join(stateDir, 'state.v1.sqlite')
  const raw = new DatabaseSync(copy)
  raw.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 1; ${migrations[0]!.sql}; INSERT INTO entries VALUES ('devices', 'a', '1')`)
  raw.close()
  chmodSync(copy, 0o600)
  // What a gateway that was killed left behind must not be played into another database.
  writeFileSync(join(stateDir, 'state.sqlite-wal'), 'left behind')
  t.match(await cli('restore', copy), { code: 0, out: /an earlier version of the gateway left it: start that version/ })
  const back = new DatabaseSync(join(stateDir, 'state.sqlite'))
  t.match(back.prepare("SELECT value FROM entries WHERE key = 'a'").get(), { value: '1' })
  t.match(back.prepare('PRAGMA user_version').get(), { user_version: 1 })
  back.close()
  t.notOk(existsSync(join(stateDir, 'state.sqlite-wal')))
  const again = JSON.parse((await cli('restore', copy, '--json')).out)
  t.match(again, { files: 0, earlierSchema: 1 })
  t.equal((await cli('backup', '--output', backup)).code, 0)
  const made = new DatabaseSync(backup, { readOnly: true })
  t.equal(made.prepare("SELECT count(*) AS count FROM backup_files WHERE path LIKE 'state.v%'").get()?.['count'], 0)
  made.close()
})

t.test('a backup never overwrites, and says what to do', async t => {
  const { cli, backup } = await livedIn(t)
  writeFileSync(backup, 'precious')
  t.match(await cli('backup', '--output', backup), { code: 1, err: /exists already.*--output/ })
  t.equal(readFileSync(backup, 'utf8'), 'precious')
})

t.test('a damaged database makes no backup, and nothing half is left', async t => {
  const { cli, stateDir, backup } = await livedIn(t)
  const database = join(stateDir, 'state.sqlite')
  const bytes = readFileSync(database)
  bytes.fill(0xa5, 8192, bytes.length - 4096)
  writeFileSync(database, bytes)
  t.match(await cli('backup', '--output', backup), { code: 1, err: /was not made: .*openclaw doctor/ })
  t.strictSame(readdirSync(join(stateDir, '..')).filter(name => name.startsWith('backup')), [])
})

t.test('a restore of something else, of a damaged backup or of one that reaches outside changes nothing', async t => {
  const { cli, stateDir, backup } = await livedIn(t)
  const refuses = async (file: string, why: RegExp) => {
    const found = await cli('restore', file)
    t.match(found, { code: 1, err: why })
    t.equal(await linesOf(stateDir), 50)
    t.strictSame(readdirSync(stateDir).filter(name => name.startsWith('before-restore')), [])
  }
  writeFileSync(backup, 'no database at all, but long enough to be looked into. '.repeat(40))
  await refuses(backup, /no usable backup: it is not a database/)
  await refuses(join(stateDir, 'nowhere'), /does not exist/)
  await refuses(join(stateDir, 'state.sqlite'), /is the database itself/)
  rmSync(backup)
  t.equal((await cli('backup', '--output', backup)).code, 0)
  const bytes = readFileSync(backup)
  writeFileSync(backup, bytes.subarray(0, bytes.length - 5000))
  await refuses(backup, /cut short/)
  writeFileSync(backup, bytes)
  const raw = new DatabaseSync(backup)
  raw.exec("INSERT INTO backup_files VALUES ('../outside', 384, x'00')")
  raw.close()
  await refuses(backup, /outside the state directory/)
  t.notOk(existsSync(join(stateDir, '..', 'outside')))
})

t.test('doctor finds nothing in a healthy state, beside a running gateway as well', async t => {
  const { cli, stateDir, ...home } = await livedIn(t)
  t.match(await cli('doctor'), { code: 0, out: /not running[^]*Nothing found/ })
  const daemon = await startDaemon(t, { stateDir, ...home })
  const found = await cli('doctor', '--json')
  t.match(JSON.parse(found.out), { ok: true, gateway: { running: true, pid: daemon.pid }, database: { exists: true, schema: 2 }, findings: [] })
  t.equal(await daemon.stop(), 0)
})

t.test('doctor names damage, open doors, what was set aside and a wrong configuration, and changes nothing', async t => {
  const { cli, stateDir } = await livedIn(t)
  writeFileSync(join(stateDir, 'gateway.token'), 'x', { mode: 0o600 })
  chmodSync(join(stateDir, 'gateway.token'), 0o644)
  writeFileSync(join(stateDir, 'state.sqlite.quarantine-2026'), 'remains', { mode: 0o600 })
  writeFileSync(join(stateDir, 'openclaw.json'), '{ "gateway": { "port": "no" } }', { mode: 0o600 })
  const database = join(stateDir, 'state.sqlite')
  const bytes = readFileSync(database)
  bytes.fill(0xa5, 8192, 12_288)
  writeFileSync(database, bytes)
  const found = await cli('doctor', '--json')
  t.equal(found.code, 0, 'a report could be made')
  t.equal((await cli('doctor', '--lint')).code, 1)
  const { ok, findings } = JSON.parse(found.out)
  t.equal(ok, false)
  const ids = new Set(findings.map(({ checkId }: { checkId: string }) => checkId))
  t.strictSame([...ids].sort(), ['config.file', 'state.database', 'state.permissions', 'state.quarantine'])
  for (const { fixHint } of findings) t.ok(fixHint)
  t.equal(modeOf(join(stateDir, 'gateway.token')), '644')
  t.strictSame(readFileSync(database), bytes)
})

t.test('each of these commands explains itself', async t => {
  const home = await makeHome(t)
  for (const name of ['backup', 'restore', 'doctor']) t.match(await runCli([name, '--help'], { env: home.env }), { code: 0, out: /Usage[^]*openclaw/i })
})
