import t from 'tap'
import { commandIndex, groups, loadCommand } from '../../src/cli/commands/index.ts'
import { parseQuickly } from '../../src/cli/parse-quickly.ts'
import { commandHelp, parseCommand } from '../../src/cli/program.ts'
import { runCli } from './run-cli.ts'

const parse = async (name: string, ...argv: string[]) => {
  const parsed = parseCommand(await loadCommand(name), argv)
  if (parsed === 'help') throw new Error('help')
  return parsed
}

t.test('options arrive as what they were declared as', async t => {
  const { options, args } = await parse('gateway call', 'health', '--timeout', '250', '--json', '--params', '{}')
  t.match(options, { timeout: 250, json: true, params: '{}', url: undefined, expectFinal: false })
  t.same(args, ['health'])
  t.match((await parse('gateway status')).options, { probe: true, timeout: 10_000 })
  t.match((await parse('gateway status', '--no-probe')).options, { probe: false })
  t.match((await parse('devices rotate', '--scope', 'a', '--scope', 'b')).options, { scope: ['a', 'b'], scopes: true })
  t.match((await parse('devices rotate', '--no-scopes')).options, { scope: undefined, scopes: false })
  t.match((await parse('node run')).options, { tls: false, noTls: false })
  t.match((await parse('node run', '--tls')).options, { tls: true, noTls: false })
  t.match((await parse('node run', '--no-tls')).options, { tls: false, noTls: true })
})

t.test('a bad value says what a good one looks like', async t => {
  await t.rejects(parse('gateway run', '--port', '0'), { message: 'Invalid --port (use a whole number from 1 to 65535)' })
  await t.rejects(parse('gateway run', '--port', '18789x'), { message: /Invalid --port/ })
  await t.rejects(parse('gateway run', '--bind', 'nowhere'), { message: /^Invalid --bind \(use "loopback", "lan"/ })
  await t.rejects(parse('gateway run', '--auth', 'magic'), { message: 'Invalid --auth (use "none", "token", "password", "trusted-proxy")' })
  await t.rejects(parse('health', '--timeout', 'soon'), { message: /Invalid --timeout/ })
})

t.test('what a command does not know is refused', async t => {
  await t.rejects(parse('status', '--nope'), { message: /unknown option '--nope'\nTry: openclaw status --help/ })
  await t.rejects(parse('status', 'extra'), { message: /too many arguments/ })
  await t.rejects(parse('devices remove'), { message: /missing required argument 'deviceId'/ })
  await t.rejects(parse('gateway status', '--requier-rpc'), { message: /Did you mean --require-rpc/ })
})

t.test('the lean parser of the daemon agrees with commander wherever it answers', async t => {
  const declaration = await loadCommand('gateway run')
  t.equal(declaration.lean, true)
  const lines = [
    [], ['--port', '18789'], ['--port=18789', '--verbose'], ['--bind', 'lan', '--token', 'a-b'], ['--bind', '127.0.0.1'],
    ['--token=', '--dev'], ['--token', '=x'], ['--force', '--force'], ['--port', '1', '--port', '2'], ['--auth', 'none', '--compact'],
    ['--password-file', '/tmp/x', '--ws-log', 'full', '--allow-unconfigured', '--reset', '--dev', '--tailscale', 'off'],
    ['--help'], ['-h'], ['--port'], ['--verbose=yes'], ['stray'], ['--token', '--dev'], ['--nope'], ['--', 'x'], ['--no-force']
  ]
  let answered = 0
  for (const line of lines) {
    const lean = parseQuickly(declaration, line)
    if (!lean) continue
    answered++
    t.same(lean, parseCommand(declaration, line), line.join(' '))
  }
  t.ok(answered >= 11, 'and it answers plain lines')
})

t.test('a bad value is refused by the lean parser in the same words', async t => {
  const declaration = await loadCommand('gateway run')
  for (const line of [['--port', '70000'], ['--bind', 'nowhere']]) {
    t.throws(() => parseQuickly(declaration, line), { message: /^Invalid --(port|bind) \(use/ })
  }
})

t.test('every command has a name that matches its place, a summary, an example and a help that shows them', async t => {
  for (const name of Object.keys(commandIndex.commands)) {
    const declaration = await loadCommand(name)
    t.equal(declaration.name, name)
    t.ok(declaration.summary.length > 10, `${name}: ${declaration.summary}`)
    t.ok(declaration.examples.length > 0, `${name} has an example`)
    const help = commandHelp(declaration, 100)
    for (const [line] of declaration.examples) t.ok(help.includes(line), `${name} --help shows ${line}`)
    t.match(help, /^Usage: openclaw [^]*\nExit codes:\n {2}0 {3}[^]*\n {2}1 {3}/)
    t.notOk(help.split('\n').some(line => line.length > 160), `${name} --help is not too wide`)
  }
})

t.test('the help of the root and of each group lists every command with its summary', async t => {
  const root = await runCli(['--help'])
  t.equal(root.code, 0)
  for (const word of ['gateway', 'devices', 'config', 'status', 'health', 'logs', 'setup', 'qr', 'dashboard', '--profile', '--version']) {
    t.match(root.out, new RegExp(`^ +(-V, )?${word}`, 'm'), word)
  }
  for (const group of Object.keys(groups)) {
    const { out, code } = await runCli([group, '--help'])
    t.equal(code, 0)
    for (const name of Object.keys(commandIndex.commands).filter(name => name.startsWith(`${group} `))) {
      const { summary } = await loadCommand(name)
      t.match(out.replace(/\s+/g, ' '), summary, name)
    }
  }
})

t.test('a mistake on the command line exits 1, in words or as a document', async t => {
  const words = await runCli(['frobnicate'])
  t.same([words.code, words.out], [1, ''])
  t.match(words.err, /does not know the command "frobnicate"/)
  const document = await runCli(['gateway', 'status', '--nope', '--json'])
  t.equal(document.code, 1)
  t.same(document.json(), {
    ok: false, error: { type: 'cli_error', message: "unknown option '--nope'\nTry: openclaw gateway status --help" }
  })
  t.equal((await runCli(['devices'])).code, 1, 'a group alone is no command')
})

t.test('the version is that of the package', async t => {
  const { out, code } = await runCli(['--version'])
  t.equal(code, 0)
  t.match(out, /^\d+\.\d+\.\d+\n$/)
})
