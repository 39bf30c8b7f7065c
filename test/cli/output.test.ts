import t from 'tap'
import { spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { createOutput, wantsColor } from '../../src/cli/output.ts'
import { launcher, makeHome } from '../fixtures/daemon.ts'
import { cliHome, runCli } from './run-cli.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const terminal = (env: NodeJS.ProcessEnv, isTTY = true) => ({ env, stdout: Object.assign(new PassThrough(), { isTTY }) })

t.test('colours are for terminals, unless somebody says otherwise', async t => {
  t.equal(wantsColor(terminal({}), true), true)
  t.equal(wantsColor(terminal({}, false), true), false)
  t.equal(wantsColor(terminal({ NO_COLOR: '1' }), true), false)
  t.equal(wantsColor(terminal({ NO_COLOR: '' }), true), true, 'an empty NO_COLOR is none')
  t.equal(wantsColor(terminal({ TERM: 'dumb' }), true), false)
  t.equal(wantsColor(terminal({ FORCE_COLOR: '1' }, false), true), true)
  t.equal(wantsColor(terminal({ FORCE_COLOR: '0' }), true), false)
  t.equal(wantsColor(terminal({ FORCE_COLOR: '1' }), false), false, '--no-color is the last word')
})

t.test('a command prints colours on a terminal and none with --no-color, wherever that stands', async t => {
  const { env } = cliHome(ownDirectory(t))
  const closed = { ...env, OPENCLAW_GATEWAY_PORT: '1' }
  t.match((await runCli(['status'], { env: closed, isTTY: true })).out, '\u001b[')
  t.notMatch((await runCli(['status', '--no-color'], { env: closed, isTTY: true })).out, '\u001b[')
  t.notMatch((await runCli(['--no-color', 'status'], { env: closed, isTTY: true })).out, '\u001b[')
  t.notMatch((await runCli(['status', '--json'], { env: closed, isTTY: true })).out, '\u001b[')
})

t.test('a reader that goes away is noticed once and throws nothing', async t => {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const out = createOutput({ env: {}, stdout, stderr }, true)
  out.line('heard')
  stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(out.gone, true)
  out.line('not heard')
  t.equal(stderr.read(), null)
})

/** Prints the URL of every module that the program loads, to stderr. */
const recorder = 'data:text/javascript,' + encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load (url, context, next) { process.stderr.write('LOADED ' + url + '\\n'); return next(url, context) } })
`)

async function loadedBy (t: { testdir (): string, teardown (fn: () => unknown): void }, argv: string[]): Promise<string[]> {
  const { env } = await makeHome(t)
  const child = spawn(process.execPath, ['--import', recorder, launcher, ...argv], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  for await (const chunk of child.stderr) text += chunk
  return text.split('\n').filter(line => line.startsWith('LOADED ')).map(line => line.slice(7))
}

t.test('a client command loads nothing of the daemon', async t => {
  for (const argv of [['status'], ['health'], ['devices', 'list'], ['gateway', 'call', 'health']]) {
    const urls = await loadedBy(t, argv)
    t.ok(urls.some(url => url.endsWith('/src/cli/main.ts')), argv.join(' '))
    t.same(urls.filter(url => /node_modules\/(fastify|@fastify|ajv|typebox|pino|json5|uqr|tweetnacl)\//.test(url)), [])
    t.same(urls.filter(url => /\/src\/(app|server|rpc|http|store|auth|methods|routes|host|process)/.test(url)), [])
  }
})
