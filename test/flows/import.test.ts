import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { TranscriptLine } from '../../src/protocol/transcript.ts'
import type { SessionRecord } from '../../src/sessions/record.ts'
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'

const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
const working = { gateway: { mode: 'local', auth: { token: 'flow-token-0123456789abcdef0123456789abcdef' } } }

type Event = { [field: string]: unknown }

/** The columns of the existing gateway's database (its schema 23) that an import reads. */
const tables = `
  CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT, created_at INTEGER, created_via TEXT);
  CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, created_at INTEGER);
  CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, event_zstd BLOB, PRIMARY KEY (session_id, seq));
  CREATE TABLE session_transcript_index_state (session_id TEXT PRIMARY KEY, leaf_event_id TEXT, needs_rebuild INTEGER)`

const at = (second: number): string => new Date(1_790_000_000_000 + second * 1000).toISOString()
const header = (id: string): Event => ({ type: 'session', version: 4, id, timestamp: at(0), cwd: '/' })
const said = (id: string, parentId: string | null, role: string, content: unknown, second: number): Event =>
  ({ type: 'message', id, parentId, timestamp: at(second), message: { role, content, timestamp: 1_790_000_000_000 + second * 1000 } })
const answer = (id: string, parentId: string, text: string, second: number): Event => ({
  type: 'message',
  id,
  parentId,
  timestamp: at(second),
  message: {
    role: 'assistant',
    content: [{ type: 'text', text }],
    api: 'openai-completions',
    provider: 'p',
    model: 'm',
    usage: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0, totalTokens: 15 },
    stopReason: 'stop',
    timestamp: 1_790_000_000_000 + second * 1000,
    __openclaw: { runId: `run-${id}` }
  }
})

/** A conversation in which a question was asked anew: `b2` hangs on a branch that was left. */
const branched = [
  header('s1'), { type: 'model_change', provider: 'p', modelId: 'm', id: 'm0', parentId: null, timestamp: at(1) },
  said('a1', 'm0', 'user', 'first question ü', 2), answer('b1', 'a1', 'first answer 🦞', 3),
  said('a2', 'b1', 'user', 'left behind', 4), answer('b2', 'a2', 'left behind too', 5),
  said('a3', 'b1', 'user', [{ type: 'text', text: 'asked anew' }], 6),
  { type: 'compaction', id: 'c1', parentId: 'a3', timestamp: at(7), summary: 'they talked', firstKeptEntryId: 'a3', tokensBefore: 900 },
  answer('b3', 'c1', 'second answer', 8)
]

function agentDatabase (stateDir: string, agentId: string): void {
  const directory = join(stateDir, 'agents', agentId, 'agent')
  mkdirSync(directory, { recursive: true })
  const database = new DatabaseSync(join(directory, 'openclaw-agent.sqlite'))
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${tables}`)
  const node = database.prepare('INSERT INTO session_nodes VALUES (?, ?, ?, ?, ?)')
  const window = database.prepare('INSERT INTO session_windows VALUES (?, ?, ?)')
  const event = database.prepare('INSERT INTO transcript_events VALUES (?, ?, ?, ?)')
  const entry = { sessionId: 's1', updatedAt: 1_790_000_008_000, label: 'Holidays', pinnedAt: 1_790_000_001_000, status: 'running', skillsSnapshot: { prompt: 'x'.repeat(3000) } }
  node.run(`agent:${agentId}:main`, 's1', JSON.stringify(entry), 1_790_000_000_000, 'operator')
  window.run('s0', `agent:${agentId}:main`, 1)
  window.run('s1', `agent:${agentId}:main`, 2)
  branched.forEach((value, seq) => event.run('s1', seq, JSON.stringify(value), null))
  event.run('s0', 0, JSON.stringify(header('s0')), null)
  event.run('s0', 1, null, zstdCompressSync(Buffer.from(JSON.stringify(said('z', null, 'user', 'of an earlier generation', 0)))))
  database.prepare('INSERT INTO session_transcript_index_state VALUES (?, ?, 0)').run('s1', 'b3')
  // As after a crash: what was written last stands in the log alone.
  const path = join(directory, 'openclaw-agent.sqlite')
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, `${path}.kept${suffix}`)
  database.close()
  for (const suffix of ['', '-wal']) renameSync(`${path}.kept${suffix}`, path + suffix)
}

/** What older versions wrote. */
function sessionFiles (stateDir: string, agentId: string): void {
  const directory = join(stateDir, 'agents', agentId, 'sessions')
  mkdirSync(directory, { recursive: true })
  const events = [header('old-1'), said('a', null, 'user', 'old question', 1), answer('b', 'a', 'old answer', 2)]
  writeFileSync(join(directory, 'old-1.jsonl'), `${events.map(value => JSON.stringify(value)).join('\n')}\n`)
  const list = {
    [`agent:${agentId}:telegram:direct:42`]: { sessionId: 'old-1', updatedAt: 1_790_000_002_000, sessionFile: '/elsewhere/old-1.jsonl', channel: 'telegram' },
    [`agent:${agentId}:gone`]: { sessionId: 'old-2', updatedAt: 1 },
    [`agent:${agentId}:../x`]: { sessionId: 'old-3', updatedAt: 1 }
  }
  writeFileSync(join(directory, 'sessions.json'), JSON.stringify(list))
}

function fingerprint (directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const found = statSync(join(directory, name))
    hash.update(`${name} ${found.mtimeMs} ${found.mode} `)
    if (found.isFile()) hash.update(readFileSync(join(directory, name)))
  }
  return hash.digest('hex')
}

type Cli = (...argv: string[]) => ReturnType<typeof runCli>

async function setting (t: Test): Promise<Home & { from: string, cli: Cli }> {
  const home = await makeHome(t, working)
  const from = join(home.stateDir, '..', 'old')
  agentDatabase(from, 'main')
  return { ...home, from, cli: (...argv) => runCli(argv, { env: home.env }) }
}

async function stored (stateDir: string) {
  const store = await createSqliteStore({ stateDir, readOnly: true })
  const rows = new Map((await store.collection<SessionRecord>('sessions').all()).map(({ key, value }) => [key, value]))
  const lines = async (sessionId: string) => (await store.lines.tail<TranscriptLine>(sessionId, { limit: 99 })).map(({ value }) => value)
  const found = { rows, s0: await lines('s0'), s1: await lines('s1'), old: await lines('old-1') }
  await store.close()
  return found
}

t.test('what goes on in a conversation is taken over, whole and in order, and the source is not touched', async t => {
  const { cli, from, stateDir } = await setting(t)
  const before = fingerprint(from)
  const imported = await cli('import', '--from', from, '--json')
  t.equal(imported.code, 0, imported.err)
  t.strictSame(JSON.parse(imported.out).sessions, [{ key: 'agent:main:main', sessionId: 's1', lines: 7, messages: 5 }])
  t.equal(fingerprint(from), before)
  const { rows, s0, s1 } = await stored(stateDir)
  t.strictSame(s1.map(({ id }) => id), ['m0', 'a1', 'b1', 'a3', 'c1', 'b3'])
  t.strictSame(s1.map(({ parentId }) => parentId), [null, 'm0', 'a1', 'b1', 'a3', 'c1'])
  const wanted = branched.filter(({ id }) => ['a1', 'b1', 'a3', 'b3'].includes(String(id))).map(({ message }) => message)
  t.strictSame(s1.flatMap(line => line.type === 'message' ? [line.message] : []), wanted)
  t.match(s1[2], { timestamp: 1_790_000_003_000, runId: 'run-b1' })
  t.match(s1[4], { type: 'compaction', summary: 'they talked', tokensBefore: 900 })
  t.match(s0, [{ type: 'message', message: { content: 'of an earlier generation' } }])
  const row = rows.get('agent:main:main')!
  t.match(row, { sessionId: 's1', generations: ['s0'], label: 'Holidays', pinned: true, messageCount: 4, lastSeq: 6, leafId: 'b3', updatedAt: 1_790_000_008_000 })
  t.match(row, { contextSeq: 3, compactionId: 'c1', contextMessages: 2, derivedTitle: 'first question ü' })
  t.notOk('status' in row, 'nothing of it runs here')
  t.notOk('extra' in row, 'snapshots stay behind')
})

t.test('a dry run counts the same and writes nothing', async t => {
  const { cli, from, stateDir } = await setting(t)
  const dry = JSON.parse((await cli('import', '--from', from, '--dry-run', '--json')).out)
  t.notOk(existsSync(join(stateDir, 'state.sqlite')))
  const wet = JSON.parse((await cli('import', '--from', from, '--json')).out)
  t.strictSame(dry.sessions, wet.sessions)
})

t.test('a second import leaves what is here as it is', async t => {
  const { cli, from, stateDir } = await setting(t)
  await cli('import', '--from', from)
  const again = await cli('import', '--from', from)
  t.match(again, { code: 0, out: /Imported 0 sessions[^]*left as they are: 1/ })
  t.equal((await stored(stateDir)).s1.length, 6)
})

t.test('the files of older versions are read, and what cannot be taken over is named', async t => {
  const { cli, from, stateDir } = await setting(t)
  sessionFiles(from, 'iris')
  const imported = await cli('import', '--from', from, '--json')
  t.equal(imported.code, 1)
  const { problems, sessions } = JSON.parse(imported.out)
  t.match(problems.sort(), [/old-2\.jsonl is missing/, /session agent:iris:\.\.\/x: invalid sessionKey/])
  t.equal(sessions.length, 3)
  const { rows, old } = await stored(stateDir)
  t.match(old, [{ message: { content: 'old question' } }, { message: { content: [{ text: 'old answer' }] } }])
  t.match(rows.get('agent:iris:telegram:direct:42'), { agentId: 'iris', messageCount: 2, channel: 'telegram', updatedAt: 1_790_000_002_000 })
})

t.test('an import waits for no gateway: it is refused while one runs here or there', async t => {
  const { cli, from, ...home } = await setting(t)
  const daemon = await startDaemon(t, home)
  t.match(await cli('import', '--from', from), { code: 69, err: /Not while the gateway runs.*pid \d+/ })
  t.match(await runCli(['import', '--from', home.stateDir], { env: { ...home.env, OPENCLAW_STATE_DIR: join(home.stateDir, '..', 'new') } }), {
    code: 69, err: new RegExp(`A gateway runs on .*pid ${daemon.pid}.*Stop it`)
  })
  t.equal(await daemon.stop(), 0)
})

t.test('a source that is none, damaged or missing is refused with what to do', async t => {
  const { cli, from, stateDir } = await setting(t)
  t.match(await cli('import'), { code: 1, err: /--from DIR/ })
  t.match(await cli('import', '--from', join(from, 'agents', 'main')), { code: 1, err: /no state directory/ })
  t.match(await cli('import', '--from', stateDir), { code: 1, err: /of this gateway itself/ })
  const database = join(from, 'agents', 'main', 'agent', 'openclaw-agent.sqlite')
  writeFileSync(database, 'noise '.repeat(2000))
  rmSync(`${database}-wal`)
  t.match(await cli('import', '--from', from), { code: 1, err: /cannot be read/ })
})

t.test('what was imported can be asked for over the wire', async t => {
  const { cli, from, ...home } = await setting(t)
  await cli('import', '--from', from)
  const daemon = await startDaemon(t, home)
  const listed = await cli('gateway', 'call', 'sessions.list', '--json')
  t.match(JSON.parse(listed.out), { sessions: [{ key: 'agent:main:main', sessionId: 's1', label: 'Holidays' }] })
  const history = await cli('gateway', 'call', 'chat.history', '--params', '{"sessionKey":"agent:main:main"}', '--json')
  t.match(history.out, /second answer/)
  t.notMatch(history.out, /left behind/)
  t.equal(await daemon.stop(), 0)
})
