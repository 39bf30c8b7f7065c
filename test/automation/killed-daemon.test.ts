/** The real daemon, killed again and again while jobs are due: every slot is answered once. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { admitted, closeClient } from '../helper.ts'

const token = 'cron-token-0123456789abcdef0123456789abcdef'

async function call (home: Home, method: string, params: object): Promise<{ readonly [field: string]: any }> {
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: { token } })
  const { ok, payload, error } = await client.request(method, params)
  await closeClient(client)
  if (!ok) throw new Error(error.message)
  return payload
}

t.test('a daemon that is killed at any moment carries each slot out once', async t => {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  vendor.script = { text: ['done'] }
  const home = await makeHome(t, {
    // Killed again and again, it would hold its jobs back.
    gateway: { mode: 'local', auth: { mode: 'token', token }, crashLoop: { maxUncleanStarts: 0 } },
    models: { providers: { local: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'one' }] } } },
    agents: { defaults: { model: 'local/one', skipBootstrap: true } },
    cron: { catchUpRuns: 100 }
  })
  let daemon = await startDaemon(t, home)
  const { id } = await call(home, 'cron.add', {
    name: 'beat', schedule: { kind: 'every', everyMs: 1000 }, sessionTarget: 'isolated', wakeMode: 'now', payload: { kind: 'agentTurn', message: 'once each' }
  })
  for (const afterMs of [50, 730, 1210]) {
    await sleep(afterMs)
    await daemon.stop('SIGKILL')
    daemon = await startDaemon(t, home)
  }
  const history = async (): Promise<Array<{ runId: string, status: string }>> => (await call(home, 'cron.runs', { id, limit: 200 })).entries
  const begun = async (): Promise<number[]> => (await call(home, 'sessions.list', { limit: 200 })).sessions
    .filter(({ key }: { key: string }) => key.includes(`:cron:${id}:run:`)).map(({ key }: { key: string }) => Number(key.split(':').at(-1)))
  await eventually(history, ({ length }) => length >= 3, 30_000)
  await call(home, 'cron.update', { id, patch: { enabled: false } })
  // What was begun is written into the history when it is over.
  const { entries, conversations } = await eventually(
    async () => ({ entries: await history(), conversations: await begun() }), ({ entries, conversations }) => entries.length === conversations.length, 30_000
  )
  const slots = entries.map(({ runId }) => Number(runId.split(':')[2])).sort((a, b) => a - b)
  t.equal(new Set(slots).size, slots.length, 'none twice')
  t.ok(slots.every(slot => (slot - slots[0]!) % 1000 === 0))
  t.same(entries.filter(({ status }) => status !== 'ok'), [])
  t.same(conversations.sort((a, b) => a - b), slots, 'and each in one conversation of its own')
})
