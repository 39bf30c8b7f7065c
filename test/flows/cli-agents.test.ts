import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, runProcess, startDaemon, type Home } from '../fixtures/daemon.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const working = { gateway: { mode: 'local', auth: { token } } }
const cliOf = ({ env }: Home) => (...argv: string[]) => runCli(argv, { env })
const configOf = ({ stateDir }: Home): string => readFileSync(join(stateDir, 'openclaw.json'), 'utf8')

t.test('somebody talks to an agent and reads its reply', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('agent', '--message', 'Hello there'), { code: 0, out: /Hello there\n$/, err: '' })
  const whole = await cli('agent', '-m', 'in JSON', '--session-key', 'agent:main:notes', '--json')
  t.match(whole.json(), { status: 'ok', result: { payloads: [{ text: /in JSON/ }], meta: { agentMeta: { provider: 'echo', sessionId: String } } } })
  const { sessionId } = whole.json().result.meta.agentMeta
  t.match((await cli('agent', '-m', 'again', '--session-id', sessionId, '--json')).json(), { result: { meta: { agentMeta: { sessionId } } } })
  const file = join(home.stateDir, 'message.md')
  writeFileSync(file, 'line one\nline two\n')
  t.match(await cli('agent', '--to', '+15550100', '--message-file', file), { code: 0, out: /line one\nline two/ })
  const keys = (await cli('sessions', 'list', '--json')).json().sessions.map(({ key }: { key: string }) => key).sort()
  t.same(keys, ['agent:main:direct:+15550100', 'agent:main:main', 'agent:main:notes'])
})

t.test('a reply is printed as it comes, and for programs event by event', async t => {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  vendor.script = { text: ['one ', 'two ', '\u001b[31mthree'] }
  const local = { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'zero' }] }
  const home = await makeHome(t, { ...working, models: { providers: { local } }, agents: { defaults: { model: 'local/zero' } } })
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.equal((await cli('agent', '-m', 'hi', '--stream')).out, 'one two [31mthree\n', 'what a model says does not steer the terminal')
  const lines = (await cli('agent', '-m', 'hi', '--stream', '--json')).out.trim().split('\n').map(line => JSON.parse(line))
  t.equal(lines.at(-1).type, 'result')
  t.match(lines.filter(({ type }) => type === 'event')[0], { event: 'agent', payload: { runId: lines.at(-1).runId } })
  t.equal(lines.filter(({ payload }) => payload?.stream === 'assistant').map(({ payload }) => payload.data.delta).join(''), 'one two \u001b[31mthree')

  vendor.script = { hangAfter: 0 }
  t.match(await cli('agent', '-m', 'hi', '--timeout', '1'), { code: 1, out: '', err: /^Agent failed: / }, 'a run that takes too long is no success')
  vendor.script = { status: 401 }
  t.match((await cli('agent', '-m', 'hi', '--json')), { code: 1 })
})

t.test('what cannot be said is refused before anything is sent', async t => {
  const home = await makeHome(t, working)
  const cli = cliOf(home)
  t.match(await cli('agent'), { code: 1, err: /Say something: openclaw agent --message/ })
  t.match(await cli('agent', '-m', 'a', '--message-file', 'b'), { code: 1, err: /not both/ })
  t.match(await cli('agent', '-m', 'a', '--to', '1', '--session-id', 'b'), { code: 1, err: /only one of/ })
  t.match(await cli('agent', '--message-file', '/nowhere'), { code: 1, err: /cannot be read/ })
  t.match(await runCli(['agent', '-m', 'a'], { env: { ...home.env, OPENCLAW_SHELL: 'exec' } }), { code: 1, err: /refused inside the shell of an agent/ })
  for (const command of [['agent', '-m', 'a'], ['agents', 'list'], ['models', 'list'], ['models']]) {
    t.match(await cli(...command), { code: 1, err: /openclaw gateway run/ }, `${command.join(' ')} says how to start what it needs`)
  }
})

t.test('agents are added, shown, renamed and deleted without a restart, and are there after one', async t => {
  const home = await makeHome(t)
  const first = await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('agents'), { code: 0, out: /^Id +Name +State +Model +Workspace\nmain \(default\) +- +idle +echo\/echo +\// })
  t.match(await cli('agents', 'add', 'Research Bot', '--emoji', '🔬'), { code: 0, out: /^Added agent research-bot\.\nWorkspace: .*workspace-research-bot\n/ })
  t.match(await cli('agent', '--agent', 'research-bot', '-m', 'are you there'), { code: 0, out: /are you there/ })
  t.match(await cli('agents', 'set-identity', '--agent', 'research-bot', '--name', 'Rex'), { code: 0, out: 'Agent research-bot is 🔬 Rex.\n' })
  t.equal(await first.stop(), 0)
  await startDaemon(t, home)
  const list = (await cli('agents', 'list', '--json')).json()
  t.match(list, [{ id: 'main', isDefault: true, state: 'idle' }, { id: 'research-bot', name: 'Rex', isDefault: false, model: 'echo/echo' }])
  t.match(await cli('agents', 'delete', 'research-bot'), { code: 1, err: /To do it: openclaw agents delete research-bot --force/ })
  t.match(await cli('agents', 'delete', 'research-bot', '--force'), { code: 0, out: /^Deleted agent research-bot\.\nMoved to the trash: / })
  t.notOk(existsSync(list[1].workspace))
  t.match(await cli('agents', 'delete', 'main', '--force'), { code: 1, err: /only configured agent/ })
  t.match(await cli('agents', 'add', '???'), { code: 1, err: /letter a-z or digit/ })
  t.match(await cli('agent', '--agent', 'research-bot', '-m', 'still?'), { code: 1, err: /unknown agent id "research-bot"/ })
})

t.test('models are listed, their state is told, and the choice is written with its comments', async t => {
  const home = await makeHome(t, working)
  const cli = cliOf(home)
  writeFileSync(join(home.stateDir, 'openclaw.json'), `// mine\n${configOf(home)}`)
  t.match(await cli('models', 'fallbacks', 'add', 'echo/echo'), { code: 1, err: /choose one first/ })
  t.match(await cli('models', 'aliases', 'add', 'fast', 'openai/gpt-5-mini'), { code: 0, out: /^fast -> openai\/gpt-5-mini\. Change will apply without restarting/ })
  t.match(await cli('models', 'set', 'fast'), { code: 0, out: /^Default model: openai\/gpt-5-mini\./ })
  t.match(await cli('models', 'fallbacks', 'add', 'echo/echo'), { code: 0, out: /^Fallbacks: echo\/echo\./ })
  t.match(await cli('models', 'set', 'openai/gpt-5'), { code: 0 })
  t.match((await cli('models', 'fallbacks', '--json')).json(), { fallbacks: ['echo/echo'] }, 'they stay when the model changes')
  t.match(await cli('models', 'set', 'nonsense'), { code: 1, err: /is no model/ })
  t.match(await cli('models', 'fallbacks', 'remove', 'fast'), { code: 1, err: /is no fallback/ })
  t.match(configOf(home), /^\/\/ mine\n/)

  await startDaemon(t, home)
  t.match(await cli('models'), { code: 0, out: /^Default +openai\/gpt-5\nFallbacks +echo\/echo\nAliases +fast -> openai\/gpt-5-mini[^]*No key for openai: openclaw config set models\.providers\.openai\.apiKey/ })
  t.match(await cli('models', 'status', '--check', '--json'), { code: 1, out: /"missingProvidersInUse": \[\n +"openai"/ })
  t.match((await cli('models', 'status', '--probe-provider', 'echo', '--json')).json(), { probes: [{ provider: 'echo', status: 'ok' }] })
  t.match((await cli('models', 'list', '--provider', 'openai', '--json')).json().models[0], { key: /^openai\//, available: false, unavailableReason: 'missing-auth' })
  t.equal((await cli('models', 'list', '--provider', 'echo', '--plain')).out, 'echo/echo\n')
  t.match(await cli('models', 'set', 'echo/echo', '--agent', 'main'), { code: 0, out: 'Agent main answers with echo/echo.\n' })
  t.match(await cli('agent', '-m', 'at once'), { code: 0, out: /at once/ })
  t.match(await cli('models', 'fallbacks', 'clear'), { code: 0, out: /^No fallbacks\./ })
  t.match(await cli('models', 'aliases', 'remove', 'fast'), { code: 0 })
  t.equal((await cli('models', 'aliases')).out, 'No aliases.\n')
})

t.test('the token is printed by the name that the web interface gives the command', async t => {
  const home = await makeHome(t)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const generated = readFileSync(join(home.stateDir, 'gateway.token'), 'utf8')
  t.match(await cli('gateway', 'auth-token'), { code: 0, out: '__OPENCLAW_REDACTED__\n' })
  t.equal((await cli('gateway', 'auth-token', '--show')).out, generated)
  t.match(await runProcess(['gateway', 'auth-token', '--show', '--json'], home.env), { code: 0, out: `${JSON.stringify(generated.trim())}\n` })
})
