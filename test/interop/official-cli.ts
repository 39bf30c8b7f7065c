/**
 * Runs the official command line against our daemon and says of each command whether it did what it should. The package is far too
 * big to be a dependency, so this is no test of the suite but a program for whoever has it:
 *
 *   node test/interop/official-cli.ts path/to/node_modules/openclaw/openclaw.mjs [words of commands to run]
 *
 * Both sides get homes of their own in a directory that is removed again. OPENCLAW_CLI_NODE names another node for the official side.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTelegram } from '../fixtures/channels/telegram-server.ts'
import { telegramKeys } from '../flows/channel-scene.ts'
import { connect } from '../helper.ts'
import { createHome, daemonToken, envOf, freePort, serve, type Daemon } from '../process/daemon.ts'

interface Row {
  /** `{pending}` stands for a pairing request that is made for the command. */
  readonly command: string
  /** 0 when it is not said. */
  readonly exit?: number
  /** All of these in what it printed on either stream. */
  readonly prints: readonly RegExp[]
  /** Ends it from outside after a while: it would go on for ever. */
  readonly endless?: true
}

const rows: readonly Row[] = [
  { command: 'gateway probe', prints: [/Reachable: yes/, /Connect: ok/] },
  { command: 'gateway probe --json', prints: [/"ok": true/, /"role": "operator"/] },
  { command: 'gateway status --require-rpc', prints: [/Read probe: ok/, /Capability: read-only/] },
  { command: 'gateway health', prints: [/Gateway Health/, /OK \(\d+ms\)/] },
  { command: 'health', prints: [/Gateway event loop: /, /Agents: main \(default\)/, /Session store \(main\): .*\(0 entries\)/] },
  { command: 'health --json', prints: [/"ok": true/, /"defaultAgentId": "main"/] },
  { command: 'gateway call health', prints: [/Gateway call: health/, /"ok": true/] },
  { command: 'gateway call status', prints: [/"runtimeVersion"/, /"taskAudit"/, /"sessions"/] },
  { command: 'gateway call system-presence', prints: [/"mode": "gateway"/, /"reason": "self"/] },
  { command: 'gateway call config.get', prints: [/"valid": true/, /__OPENCLAW_REDACTED__/] },
  { command: 'gateway call no.such.method', exit: 1, prints: [/missing scope: operator\.admin|unknown method: no\.such\.method/] },
  { command: 'gateway stability', prints: [/Gateway Stability/, /Events: 0\/0/] },
  { command: 'gateway usage-cost', prints: [/Usage cost/, /Total: \$0\.0000/] },
  { command: 'devices list', prints: [/Pending/, /203\.0\.113\.9|cli/] },
  { command: 'devices approve {pending}', prints: [/Approved/] },
  { command: 'devices list --json', prints: [/"paired": \[/, /"approvedVia": "owner"/] },
  { command: 'devices approve no-such-request', exit: 1, prints: [/./] },
  { command: 'logs --limit 50', prints: [/Log file: .*gateway\.log/, /info gateway .*ready in \d+ ms/] },
  { command: 'logs --json --limit 5', prints: [/"type":"meta"/, /"type":"log"/, /"level":"info"/] },
  { command: 'logs --follow', prints: [/ready in \d+ ms/], endless: true },
  { command: 'status', prints: [/reachable \d+ms · auth token/, /Agents .*1 /] },
  { command: 'status --json', prints: [/"runtimeVersion"/, /"reachable": true/] },
  { command: 'status --all', prints: [/reachable \d+ms/] },
  { command: 'nodes status', prints: [/Known: 0 · Paired: 0 · Connected: 0/] },
  { command: 'nodes list', prints: [/Pending: 0 · Paired: 0/] },
  { command: 'nodes pending', prints: [/No pending pairing requests/] },
  { command: 'agent --message hello-there --agent main', prints: [/Echo, a demonstration.*hello-there/] },
  { command: 'agent --message hello --agent main --json', prints: [/"status": "ok"/, /"provider": "echo"/] },
  { command: 'agent --message again --session-id abc', prints: [/again/] },
  { command: 'channels status', prints: [/Gateway reachable/, /Telegram default: enabled, configured, running, connected/] },
  { command: 'channels status --probe', prints: [/bot:@claw_bot, .*works/] },
  { command: 'message send --channel telegram --target 501 --message hello --json', prints: [/"messageId": "1"/, /"status": "sent"/] },
  { command: 'message edit --channel telegram --target 501 --message-id 1 --message changed --json', prints: [/"edited": true/] },
  { command: 'message react --channel telegram --target 501 --message-id 1 --emoji 👍', prints: [/Reaction updated/] },
  { command: 'message poll --channel telegram --target 501 --poll-question Q --poll-option a --poll-option b', prints: [/Poll sent via telegram\. Message ID: 2/] },
  { command: 'message delete --channel telegram --target 501 --message-id 1 --json', prints: [/"deleted": true/] },
  { command: 'message send --channel telegram --target 77 --message hello', exit: 1, prints: [/chat not found/] },
  { command: 'gateway call channels.pairing.list', prints: [/"notifySupported": true/, /"ttlMs": 3600000/] },
  { command: 'cron list', prints: [/No automations/] },
  { command: 'cron status', prints: [/"jobs": 0/] },
  { command: 'models list', prints: [/No models found/] },
  { command: 'system presence', prints: [/"mode": "gateway"/] },
  { command: 'system heartbeat last', prints: [/null|\{\}/] },
  { command: 'approvals get --gateway', prints: [/defaults \(no stored overrides\)/] },
  { command: 'doctor --non-interactive', prints: [/doctor/i] }
]

interface Outcome {
  readonly code: number | null
  readonly printed: string
  readonly tookMs: number
}

const [entry, ...words] = process.argv.slice(2)
if (!entry) {
  console.error('usage: node test/interop/official-cli.ts <path of openclaw.mjs> [words]')
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'official-cli-'))
const endings: (() => unknown)[] = []
const scope = { testdir: () => directory, teardown: (end: () => unknown) => { endings.unshift(end) } }

function createOfficialHome (port: number): NodeJS.ProcessEnv {
  const home = join(directory, 'official')
  mkdirSync(join(home, 'tmp'), { recursive: true })
  mkdirSync(join(home, 'state'))
  const configPath = join(home, 'openclaw.json')
  writeFileSync(configPath, JSON.stringify({ gateway: { mode: 'local', port, auth: { mode: 'token', token: daemonToken } } }))
  return envOf(home, { OPENCLAW_HOME: home, OPENCLAW_STATE_DIR: join(home, 'state'), OPENCLAW_CONFIG_PATH: configPath, NO_COLOR: '1' })
}

function run (command: string, env: NodeJS.ProcessEnv, endless = false): Promise<Outcome> {
  const startedAt = Date.now()
  const child = spawn(process.env.OPENCLAW_CLI_NODE ?? process.execPath, [entry!, ...command.split(' ')], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { printed += text })
  const timer = setTimeout(() => child.kill(endless ? 'SIGTERM' : 'SIGKILL'), endless ? 15_000 : 120_000)
  return new Promise(resolve => child.on('close', code => {
    clearTimeout(timer)
    resolve({ code, printed, tookMs: Date.now() - startedAt })
  }))
}

/** A stranger from elsewhere asks to be paired. */
async function askForPairing (daemon: Daemon): Promise<string> {
  const { client, response } = await connect(daemon.url, {
    auth: { token: daemonToken }, scopes: ['operator.read'], socket: { headers: { 'x-forwarded-for': '203.0.113.9' } }
  })
  await client.close()
  return response.error.details.requestId
}

async function check (row: Row, daemon: Daemon, env: NodeJS.ProcessEnv): Promise<boolean> {
  const requestId = row.command.includes('devices') ? await askForPairing(daemon) : ''
  const { code, printed, tookMs } = await run(row.command.replace('{pending}', requestId), env, row.endless)
  const missed = row.prints.filter(pattern => !pattern.test(printed))
  const ok = (row.endless || code === (row.exit ?? 0)) && missed.length === 0
  console.log(`${ok ? 'ok    ' : 'not ok'} ${row.command}  (exit ${code}, ${(tookMs / 1000).toFixed(1)} s)`)
  if (!ok) console.log(`       missed: ${missed.join(' ') || 'the exit code'}\n${printed.slice(0, 2000).replace(/^/gm, '       | ')}`)
  return ok
}

const telegram = await startTelegram(scope)
const port = await freePort()
const home = createHome(scope, {
  gateway: { mode: 'local', port, trustedProxies: ['127.0.0.1'], auth: { mode: 'token', token: daemonToken } },
  logging: { file: join(directory, 'gateway.log') },
  channels: { telegram: telegramKeys(telegram) }
})
let failed = 0
try {
  const daemon = await serve(scope, { home, port })
  const env = createOfficialHome(port)
  const wanted = rows.filter(({ command }) => words.length === 0 || words.every(word => command.includes(word)))
  for (const row of wanted) if (!await check(row, daemon, env)) failed++
  console.log(`${wanted.length - failed} ok, ${failed} not ok`)
} finally {
  for (const end of endings) await end()
  await sleep(200)
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}
process.exitCode = failed > 0 ? 1 : 0
