import { once } from 'node:events'
import t from 'tap'
import { makeHome, startDaemon } from '../../fixtures/daemon.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { admitted, testToken, type TestClient } from '../../helper.ts'
import { textOf } from './talk.ts'

const main = 'agent:main:main'
const config = { gateway: { mode: 'local', auth: { mode: 'token', token: testToken } } }

async function story (client: TestClient, sessionKey: string): Promise<string[]> {
  const { payload } = await client.request('chat.history', { sessionKey, limit: 200, maxChars: 100_000 })
  return payload.messages.map((message: any) => `${message.role}: ${textOf(message)}`)
}

const reportsIn = (lines: readonly string[]): string[] => lines.filter(line => line.startsWith('user: [Inter-session message] '))

async function spawn (client: TestClient, task: string, label: string): Promise<void> {
  const message = `/tool sessions_spawn ${JSON.stringify({ task, label })}`
  await client.request('agent', { sessionKey: main, message, idempotencyKey: label })
  await client.request('agent.wait', { runId: label, timeoutMs: 10_000 }, 12_000)
}

t.test('a helper at work when the gateway is killed is reported as interrupted, once, and not begun again', async t => {
  const home = await makeHome(t, config)
  const url = `ws://127.0.0.1:${home.port}`
  const first = await startDaemon(t, home)
  const { client } = await admitted(url)
  await spawn(client, '/slow 30000\none two', 'killed')
  await spawn(client, 'brief', 'brief')
  await eventually(async () => reportsIn(await story(client, main)).some(line => /"brief" is done/.test(line)))
  first.process.kill('SIGKILL')
  await once(first.process, 'exit')
  const second = await startDaemon(t, home)
  const { client: after } = await admitted(url)
  await eventually(async () => reportsIn(await story(after, main)).some(line => /"killed" was interrupted by a restart/.test(line)))
  const { payload } = await after.request('sessions.list', { kinds: ['subagent'] })
  const helper = payload.sessions.find(({ label }: { label?: string }) => label === 'killed')
  t.equal(helper.hasActiveRun, false)
  t.same((await story(after, helper.key)).filter(line => line.startsWith('user')).length, 1)
  t.equal(await second.stop(), 0)
  await startDaemon(t, home)
  const { client: again } = await admitted(url)
  await new Promise(resolve => setTimeout(resolve, 300))
  const reports = reportsIn(await story(again, main))
  t.equal(reports.length, 2, reports.join('\n'))
})

t.test('a stop in peace leaves the same report to the next start', async t => {
  const home = await makeHome(t, { ...config, gateway: { ...config.gateway, shutdown: { drainMs: 100 } } })
  const url = `ws://127.0.0.1:${home.port}`
  const first = await startDaemon(t, home)
  const { client } = await admitted(url)
  await spawn(client, '/slow 30000\none two', 'stopped')
  t.equal(await first.stop(), 0)
  await startDaemon(t, home)
  const { client: after } = await admitted(url)
  await eventually(async () => reportsIn(await story(after, main)).length > 0)
  t.match(reportsIn(await story(after, main)), [/"stopped" was interrupted by a restart/])
})
