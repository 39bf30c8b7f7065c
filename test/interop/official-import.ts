/**
 * Lets the existing gateway hold two conversations with a model that is served here, imports them, and says whether counts and contents
 * match. The package is too big to be a dependency, so this is no test of the suite but a program for whoever has it:
 *
 *   node test/interop/official-import.ts path/to/node_modules/openclaw/openclaw.mjs
 *
 * Everything happens in a directory that is removed again. OPENCLAW_CLI_NODE names another node for the official side.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { launcher } from '../fixtures/daemon.ts'

const official = process.argv[2]
if (!official) throw new Error('Give the path of openclaw.mjs')

const talks = [['agent:main:main', 'first question ü'], ['agent:main:main', 'second question'], ['agent:main:other', 'another 🦞']] as const

function chunk (delta: object, more: object = {}): string {
  const choice = { index: 0, delta, finish_reason: null, ...more }
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [choice] })}\n\n`
}

/** Speaks the chat completions protocol, and always says the same with another number. */
async function serveModel () {
  let count = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'text/event-stream')
      response.end(`${chunk({ role: 'assistant', content: `answer ${++count} ä` })}${chunk({}, { finish_reason: 'stop' })}data: [DONE]\n\n`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }
}

async function run (program: string, argv: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, argv, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 180_000 })
  let out = ''
  let err = ''
  child.stdout.on('data', data => { out += data })
  child.stderr.on('data', data => { err += data })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${String(code)}: ${out}${err}`)
  return out
}

const model = {
  id: 'm',
  name: 'm',
  reasoning: false,
  input: ['text'],
  cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  contextWindow: 100_000,
  maxTokens: 1000
}

async function converse (stateDir: string, root: string): Promise<void> {
  const { server, baseUrl } = await serveModel()
  const config = {
    models: { providers: { local: { baseUrl, apiKey: 'none', api: 'openai-completions', models: [model] } } },
    agents: { defaults: { model: { primary: 'local/m' }, workspace: join(root, 'workspace') } }
  }
  mkdirSync(stateDir, { mode: 0o700 })
  writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(config), { mode: 0o600 })
  const env = { HOME: root, OPENCLAW_HOME: root, OPENCLAW_STATE_DIR: stateDir }
  const node = process.env['OPENCLAW_CLI_NODE'] ?? process.execPath
  for (const [key, message] of talks) {
    await run(node, [official!, 'agent', '--local', '--session-key', key, '--message', message, '--json'], env)
  }
  server.close()
}

function messagesIn (path: string, sql: string): unknown[] {
  const database = new DatabaseSync(path)
  const found = database.prepare(sql).all().map(row => JSON.parse(String(row['value'])) as { type: string, message: unknown })
  database.close()
  return found.filter(({ type }) => type === 'message').map(({ message }) => message)
}

const root = mkdtempSync(join(tmpdir(), 'official-import-'))
try {
  const from = join(root, 'old')
  const stateDir = join(root, 'new')
  await converse(from, root)
  const source = join(from, 'agents', 'main', 'agent', 'openclaw-agent.sqlite')
  const before = readFileSync(source)
  const imported = JSON.parse(await run(process.execPath, [launcher, 'import', '--from', from, '--json'], { HOME: root, OPENCLAW_STATE_DIR: stateDir }))
  cpSync(join(from, 'agents', 'main', 'agent'), join(root, 'look'), { recursive: true })
  const theirs = messagesIn(join(root, 'look', 'openclaw-agent.sqlite'), 'SELECT event_json AS value FROM transcript_events ORDER BY session_id, seq')
  const ours = messagesIn(join(stateDir, 'state.sqlite'), 'SELECT value FROM lines ORDER BY session_id, seq')
  const checks = {
    'the source is untouched': before.equals(readFileSync(source)),
    'two sessions': imported.sessions.length === 2,
    'no problems': imported.problems.length === 0,
    'as many messages': theirs.length === ours.length && ours.length === talks.length * 2,
    'the same messages': isDeepStrictEqual(ours, theirs)
  }
  for (const [what, holds] of Object.entries(checks)) process.stdout.write(`${holds ? 'ok    ' : 'NOT OK'} ${what}\n`)
  process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1
} finally {
  rmSync(root, { recursive: true, force: true })
}
