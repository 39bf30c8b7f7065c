import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const key = 'agent:main:talk'

t.test('conversations are managed from the command line', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } } })
  await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  const call = async (method: string, params: object) => (await cli('gateway', 'call', method, '--params', JSON.stringify(params), '--json')).json()

  t.match(await cli('sessions'), { code: 0, out: /There are no sessions.*openclaw agent/ })
  t.match(await call('sessions.create', { key, label: 'Talk' }), { key })
  t.match(await call('chat.send', { sessionKey: key, message: 'Hello from the terminal', idempotencyKey: 'k1' }), { runId: 'k1' })
  t.match(await call('agent.wait', { runId: 'k1', timeoutMs: 5_000 }), { status: 'ok' })

  await t.test('list and show', async t => {
    const list = await cli('sessions', 'list')
    t.match(list.out, /^Key +Kind +Status +Changed/)
    t.match(list.out, /agent:main:talk +custom +done .*Talk/)
    t.match((await cli('sessions', 'list', '--json')).json(), { count: 1, totalCount: 1, hasMore: false, sessions: [{ key }] })
    t.match((await cli('sessions', 'list', '--search', 'nowhere', '--json')).json(), { totalCount: 0 })
    const show = await cli('sessions', 'show', key)
    t.match(show.out, /Title +Talk/)
    t.match(show.out, /user: Hello from the terminal\nassistant: /)
    const { sessionId } = (await cli('sessions', 'show', key, '--json')).json().session
    t.match((await cli('sessions', 'show', 'Talk', '--json')).json(), { session: { key } }, 'by its label')
    t.match((await cli('sessions', 'show', sessionId, '--json')).json(), { session: { key }, messages: [{ role: 'user' }, { role: 'assistant' }] })
    const sessionKey = 'agent:main:busy'
    await call('chat.send', { sessionKey, message: `/slow 50\n${'word '.repeat(400)}`, idempotencyKey: 'slow' })
    await call('chat.send', { sessionKey, message: 'and\nthen', idempotencyKey: 'later', queueMode: 'followup' })
    t.match((await cli('sessions', 'show', sessionKey)).out, /\nNot answered yet: 1\nqueued: and then \(run later\)\n$/)
    await call('sessions.abort', { key: sessionKey, clearQueued: true })
    await call('sessions.delete', { key: sessionKey })
  })

  await t.test('an unknown session is said to be unknown, with the way to list them', async t => {
    for (const words of [['show'], ['reset'], ['delete', '--yes'], ['patch', '--label', 'x'], ['compact'], ['export']]) {
      const [verb = '', ...flags] = words
      const run = await cli('sessions', verb, 'agent:main:nowhere', ...flags)
      t.equal(run.code, 1, verb)
      t.match(run.err, /session not found: agent:main:nowhere\nList what there is: openclaw sessions list/, verb)
      t.match((await cli('sessions', verb, 'agent:main:nowhere', '--json', ...flags)).json(), { ok: false, error: { type: 'session_not_found', sessionKey: 'agent:main:nowhere' } }, verb)
    }
    t.match(await cli('sessions', 'show', '../../etc/passwd'), { code: 1, err: /".." and paths are not allowed/ })
  })

  await t.test('patch, put away and bring back', async t => {
    t.match(await cli('sessions', 'patch', key, '--label', 'Chat', '--thinking', 'low', '--pin'), { code: 0, out: `${key} is changed.\n` })
    t.match((await cli('sessions', 'show', key, '--json')).json().session, { label: 'Chat', thinkingLevel: 'low', pinned: true })
    await cli('sessions', 'patch', key, '--thinking', '-', '--unpin')
    const { session } = (await cli('sessions', 'show', key, '--json')).json()
    t.notHas(session, { thinkingLevel: String })
    t.equal(session.pinned, false)
    t.match(await cli('sessions', 'patch', key, '--archive'), { code: 0 })
    t.match((await cli('sessions', '--json')).json(), { totalCount: 0 })
    t.match((await cli('sessions', 'list', '--archived', '--json')).json(), { sessions: [{ key, archived: true }] })
    t.match(await cli('sessions', 'patch', key, '--restore'), { code: 0 })
    t.match((await cli('sessions', '--json')).json(), { totalCount: 1 })
    t.match(await cli('sessions', 'patch', key), { code: 1, err: /Nothing to change/ })
    t.match(await cli('sessions', 'patch', key, '--pin', '--unpin'), { code: 1, err: /pinning/ })
    t.match(await cli('sessions', 'patch', 'main', '--archive'), { code: 1, err: /session not found: main/ })
  })

  await t.test('export, shorten, clean up, begin anew and delete', async t => {
    const lines = (await cli('sessions', 'export', key)).out.trim().split('\n').map(line => JSON.parse(line))
    t.match(lines, [{ role: 'user', content: 'Hello from the terminal' }, { role: 'assistant' }])
    const file = join(home.stateDir, 'talk.jsonl')
    t.match((await cli('sessions', 'export', key, '--output', file, '--json')).json(), { key, file, messages: 2 })
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.equal(readFileSync(file, 'utf8').trim().split('\n').length, 2)
    t.match(await cli('sessions', 'compact', key, '--max-lines', '1'), { code: 0, out: /last 1 messages stay/ })
    t.match(await cli('sessions', 'cleanup', '--dry-run'), { code: 0, out: /^Of 1 sessions it would be: 0 deleted, 0 put away/ })
    t.match((await cli('sessions', 'cleanup', '--json')).json(), { ok: true, applied: true, pruned: 0, beforeCount: 1 })
    t.match(await cli('sessions', 'reset', key), { code: 0, out: `${key} begins anew.\n` })
    t.match(await cli('sessions', 'delete', key), { code: 1, err: /would be deleted.*--yes/ })
    const deleted = await cli('sessions', 'delete', key, '--yes')
    t.match(deleted, { code: 0, out: /^Deleted agent:main:talk\.\nTranscript: .*\.jsonl\.deleted\./ })
    t.match((await cli('sessions', '--json')).json(), { totalCount: 0 })
  })
})
