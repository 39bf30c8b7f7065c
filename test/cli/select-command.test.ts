import t from 'tap'
import { selectCommand, takeTrailingGlobals, type CommandIndex } from '../../src/cli/select-command.ts'

const index: CommandIndex = {
  commands: { status: 1, setup: 1, 'gateway run': 1, 'gateway status': 1, 'devices approve': 1 },
  groups: { gateway: { summary: '', fallback: 'gateway run' }, devices: { summary: '' } },
  aliases: { onboard: 'setup', machines: 'devices', 'devices yes': 'devices approve' }
}
const none = { dev: false, profile: undefined, logLevel: undefined, color: true }
const select = (...argv: string[]) => selectCommand(argv, index)

t.test('a command is found by its words and gets the rest of the line', async t => {
  t.same(select('status', '--json'), { kind: 'command', name: 'status', rest: ['--json'], global: none })
  t.same(select('gateway', 'status', '--port', '1'), { kind: 'command', name: 'gateway status', rest: ['--port', '1'], global: none })
  t.same(select('onboard'), { kind: 'command', name: 'setup', rest: [], global: none })
})

t.test('groups, and commands in them, go by other names as well', async t => {
  t.match(select('devices', 'yes', 'x'), { kind: 'command', name: 'devices approve', rest: ['x'] })
  t.match(select('machines', 'yes'), { kind: 'command', name: 'devices approve', rest: [] })
  t.match(select('machines'), { kind: 'help', group: 'devices' })
  t.throws(() => select('devices', 'no'), { message: /does not know the command "no"/ })
})

t.test('a group with a fallback runs it when options or nothing follow', async t => {
  t.same(select('gateway'), { kind: 'command', name: 'gateway run', rest: [], global: none })
  t.same(select('gateway', '--port', '18789'), { kind: 'command', name: 'gateway run', rest: ['--port', '18789'], global: none })
})

t.test('a group without one shows what it has', async t => {
  t.match(select('devices'), { kind: 'help', group: 'devices', asked: false })
  t.match(select('devices', '--help'), { kind: 'help', group: 'devices', asked: true })
  t.match(select('help', 'devices'), { kind: 'help', group: 'devices', asked: true })
  t.match(select(), { kind: 'help', group: undefined, asked: false })
})

t.test('root options stand before the command', async t => {
  t.match(select('--dev', 'status'), { global: { dev: true } })
  t.match(select('--profile', 'work', '--no-color', '--log-level=debug', 'status'),
    { global: { profile: 'work', color: false, logLevel: 'debug' }, rest: [] })
  t.match(select('--version'), { kind: 'version' })
})

t.test('root options may stand behind the command too, unless it has one of that name', async t => {
  const global = { ...none }
  t.same(takeTrailingGlobals(['--json', '--profile', 'work', 'x', '--no-color'], new Set(['--json']), global), ['--json', 'x'])
  t.same(global, { ...none, profile: 'work', color: false })
  const own = { ...none }
  t.same(takeTrailingGlobals(['--dev'], new Set(['--dev']), own), ['--dev'])
  t.equal(own.dev, false)
  t.same(takeTrailingGlobals(['a', '--', '--dev'], new Set(), own), ['a', '--', '--dev'], 'what follows -- is no option')
  t.equal(own.dev, false)
})

t.test('what is unknown is refused by name, with the nearest one that is known', async t => {
  t.throws(() => select('statsu'), { message: /does not know the command "statsu".\nDid you mean "status"\?/ })
  t.throws(() => select('frobnicate'), { message: /"frobnicate"\.\nTry: openclaw --help$/ })
  t.throws(() => select('devices', 'aprove'), { message: /openclaw devices does not know.*\nDid you mean "approve"\?/ })
  t.throws(() => select('--frob', 'status'), { message: /option "--frob"/ })
  t.throws(() => select('--profile'), { message: /needs a value/ })
  t.throws(() => select('--log-level', 'loud', 'status'), { message: /Invalid --log-level \(use "silent"/ })
  t.throws(() => select('constructor'), { message: /does not know the command/ })
})
