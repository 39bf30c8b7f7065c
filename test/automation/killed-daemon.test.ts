/** The real daemon, killed again and again while jobs are due: every slot is answered once. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { makeHome, runProcess, startDaemon, type Home } from '../fixtures/daemon.ts'

const token = 'cron-token-0123456789abcdef0123456789abcdef'

async function call (home: Home, method: string, params: object): Promise<{ readonly [field: string]: any }> {
  const { out, err, code } = await runProcess(['gateway', 'call', method, '--params', JSON.stringify(params), '--json'], home.env)
  if (code !== 0) throw new Error(err)
  return JSON.parse(out) as { readonly [field: string]: any }
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
  await sleep(1000)
  await call(home, 'cron.update', { id, patch: { enabled: false } })
  await sleep(300)
  const { entries } = await call(home, 'cron.runs', { id, limit: 200 })
  const slots = (entries as Array<{ runId: string, status: string }>).map(({ runId }) => Number(runId.split(':')[2])).sort((a, b) => a - b)
  t.ok(slots.length >= 3, `${slots.length} slots`)
  t.equal(new Set(slots).size, slots.length, 'none twice')
  t.ok(slots.every(slot => (slot - slots[0]!) % 1000 === 0))
  t.ok((entries as Array<{ status: string }>).every(({ status }) => status === 'ok'))
  const { sessions } = await call(home, 'sessions.list', { limit: 200 })
  const begun = (sessions as Array<{ key: string }>).filter(({ key }) => key.includes(`:cron:${id}:run:`))
  t.same(new Set(begun.map(({ key }) => Number(key.split(':').at(-1)))), new Set(slots), 'and each in one conversation of its own')
})
