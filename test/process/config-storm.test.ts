import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { writeConfigFile } from '../../src/config/write.ts'
import { admitted, closeClient, type TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, serve, stop, type Daemon, type Home } from './daemon.ts'

/** `OPENCLAW_TEST_EDITS=1000` for the full number. */
const edits = Number(process.env.OPENCLAW_TEST_EDITS ?? 60)
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!

interface Doc { [key: string]: any }

const first = (): Doc => ({
  gateway: {
    mode: 'local', auth: { mode: 'token', token: daemonToken }, reload: { mode: 'hybrid', debounceMs: 20 }, controlUi: { allowedOrigins: [] }
  },
  agents: { defaults: { model: 'echo/echo' }, entries: { main: { name: 'Main' } } },
  tools: { deny: ['none'] },
  messages: { queue: { cap: 10_000 } },
  session: { scope: 'per-sender' },
  logging: { level: 'info' }
})

/** Changes that no client may feel. */
const harmless: ReadonlyArray<(doc: Doc) => void> = [
  doc => { doc.agents.entries.main.name = `Name ${Math.random()}` },
  doc => { doc.tools.deny = Array.from({ length: 1 + Math.floor(Math.random() * 5) }, (_, index) => `tool-${index}-${Math.random()}`) },
  doc => { doc.gateway.controlUi.allowedOrigins = [`https://${Math.floor(Math.random() * 1e6)}.example`] },
  doc => { doc.gateway.auth.rateLimit = { maxAttempts: 5 + Math.floor(Math.random() * 100) } },
  doc => { doc.logging.level = pick(['info', 'debug', 'warn']) },
  doc => { doc.agents.entries[`extra${Math.floor(Math.random() * 5)}`] = { name: 'Extra' } },
  doc => { delete doc.agents.entries[`extra${Math.floor(Math.random() * 5)}`] },
  doc => { doc.gateway.trustedProxies = [`10.0.0.${Math.floor(Math.random() * 255)}`] },
  doc => {
    const baseUrl = `http://127.0.0.1:${1 + Math.floor(Math.random() * 60_000)}/v1`
    doc.models = { providers: { own: { baseUrl, api: 'openai-completions', apiKey: 'k', models: [{ id: 'm', name: 'M' }] } } }
  },
  doc => { doc.session.resetTriggers = ['/new', `/again${Math.floor(Math.random() * 9)}`] }
]

const broken: ReadonlyArray<(doc: Doc) => string> = [
  doc => JSON.stringify(doc).slice(0, Math.floor(Math.random() * 300)),
  doc => JSON.stringify({ ...doc, gateway: { ...doc.gateway, port: 'nowhere' } }),
  doc => JSON.stringify({ ...doc, gateway: { auth: doc.gateway.auth } }),
  doc => JSON.stringify({ ...doc, agents: { entries: { main: { skipBootstrap: 'perhaps' } } } }),
  () => '',
  () => 'not a configuration',
  doc => `${JSON.stringify(doc)}}`,
  doc => JSON.stringify({ ...doc, gateway: { ...doc.gateway, auth: { mode: 'password', password: '$NOT_SET_ANYWHERE' } } })
]

class Load {
  readonly lost: string[] = []
  readonly accepted: string[] = []
  answered = 0
  #isOver = false
  readonly #work: Array<Promise<void>> = []

  constructor (clients: readonly TestClient[]) {
    const failed = (index: number, { closed }: TestClient) => (error: Error): void => {
      this.lost.push(`client ${index}: ${JSON.stringify(closed)} ${error.message.slice(0, 200)}`)
    }
    this.#work = clients.map((client, index) => this.#talk(client, index).catch(failed(index, client)))
  }

  async #talk (client: TestClient, index: number): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      if (number % 10 === 0) {
        const key = `c${index}-m${number}`
        const params = { sessionKey: `agent:main:c${index}`, message: `/slow 3\nmessage ${number}`, idempotencyKey: key, queueMode: 'followup' }
        const { ok, error } = await client.request('chat.send', params, 20_000)
        if (ok) this.accepted.push(key)
        else this.lost.push(`${key}: ${JSON.stringify(error)}`)
      } else {
        const { ok, error } = await client.request('health', {}, 20_000)
        if (!ok) this.lost.push(JSON.stringify(error))
      }
      this.answered += 1
      client.frames.length = 0
      await sleep(20)
    }
  }

  async end (): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#work)
  }
}

async function edit (home: Home, doc: Doc): Promise<string> {
  const { configPath } = home
  pick(harmless)(doc)
  const text = JSON.stringify(doc, null, 2)
  const way = Math.random()
  if (way < 0.3) {
    writeFileSync(configPath, text)
    return 'written'
  }
  if (way < 0.5) {
    writeFileSync(`${configPath}.edited`, text)
    renameSync(`${configPath}.edited`, configPath)
    return 'renamed'
  }
  if (way < 0.6) {
    writeFileSync(configPath, text.slice(0, Math.floor(Math.random() * text.length)))
    await sleep(Math.random() * 150)
    writeFileSync(configPath, text)
    return 'halved'
  }
  if (way < 0.65) {
    rmSync(configPath)
    await sleep(Math.random() * 300)
    writeFileSync(configPath, text)
    return 'deleted'
  }
  if (way < 0.7) {
    // What a command does.
    await writeConfigFile(configPath, text, { allowDestructive: true })
    return 'commanded'
  }
  writeFileSync(configPath, pick(broken)(doc))
  await sleep(Math.random() * 120)
  return 'broken'
}

async function patch (client: TestClient, doc: Doc): Promise<string> {
  const { payload } = await client.request('config.get', {})
  const name = `Patched ${Math.random()}`
  const raw = JSON.stringify({ agents: { entries: { main: { name } } } })
  const answer = await client.request('config.patch', { raw, baseHash: payload.hash ?? undefined })
  if (answer.ok) doc.agents.entries.main.name = name
  return answer.ok ? 'patched' : `patch refused: ${answer.error.details?.code ?? answer.error.code}`
}

async function settled (daemon: Daemon, home: Home, doc: Doc, client: TestClient): Promise<void> {
  writeFileSync(home.configPath, JSON.stringify(doc, null, 2))
  const { payload } = await eventually(
    async () => await client.request('config.get', {}),
    ({ payload }) => payload.appliedConfigHash === payload.hash && payload.config.agents.entries.main?.name === doc.agents.entries.main.name
  )
  t.equal(payload.appliedConfigHash, payload.hash, 'what is written last is what runs')
  t.same(payload.reload.pending, [])
  t.notOk(payload.reload.refused)
  t.equal(daemon.output().match(/\] ready in/g)?.length, 1, 'and nothing had to be begun anew')
}

t.test(`${edits} edits under load: no client is dropped, no run is lost, no file is damaged`, { timeout: 120_000 + edits * 2_000 }, async t => {
  const home = createHome(t, first())
  const daemon = await serve(t, { home })
  const clients = await Promise.all([1, 2, 3, 4].map(async () => (await admitted(daemon.url, { auth: { token: daemonToken }, device: false })).client))
  const operator = (await admitted(daemon.url, { auth: { token: daemonToken }, device: false })).client
  const load = new Load(clients)
  const counts: { [what: string]: number } = {}
  const doc = first()
  for (let number = 0; number < edits; number++) {
    // As many as the gateway takes in a minute.
    const what = number % Math.max(10, Math.ceil(edits / 25)) === 9 ? await patch(operator, doc) : await edit(home, doc)
    counts[what] = (counts[what] ?? 0) + 1
    operator.frames.length = 0
    await sleep(Math.random() * 120)
  }
  await settled(daemon, home, doc, operator)
  await load.end()
  t.same(load.lost, [], 'every request was answered')
  t.same([...clients, operator].filter(({ closed }) => closed).map(({ closed }) => closed), [], 'nobody was disconnected')
  const bad: string[] = []
  for (const runId of load.accepted) {
    const { payload } = await operator.request('agent.wait', { runId, timeoutMs: 20_000 }, 25_000)
    if (payload?.status !== 'ok') bad.push(`${runId}: ${JSON.stringify(payload)}`)
    operator.frames.length = 0
  }
  t.notOk(counts['patch refused: INTERNAL'])
  t.same(bad, [], 'every run that was accepted has come to a good end')
  const loaded = await loadConfig({ paths: resolvePaths({ env: home.env }), env: home.env })
  t.same(loaded.issues, [])
  t.same(loaded.parsed, doc, 'the file says what was written last')
  t.notOk(existsSync(`${home.configPath}.lock`))
  t.comment(`${load.answered} requests, ${load.accepted.length} runs; ${JSON.stringify(counts)}`)
  await Promise.all([...clients, operator].map(closeClient))
  t.equal((await stop(daemon)).code, 0)
})
