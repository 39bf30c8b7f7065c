import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import t from 'tap'
import { expandPath, resolvePaths } from '../../src/config/paths.ts'

const homedir = '/home/alice'

t.test('without any setting everything is below ~/.openclaw and the port is 18789', async t => {
  const paths = resolvePaths({ env: {}, homedir })
  t.match(paths, {
    profile: undefined,
    homeDir: homedir,
    stateDir: '/home/alice/.openclaw',
    configPath: '/home/alice/.openclaw/openclaw.json',
    workspaceDir: '/home/alice/.openclaw/workspace',
    logDir: join(tmpdir(), 'openclaw'),
    basePort: 18789
  })
})

t.test('a profile and --dev isolate state, configuration, workspace and port', async t => {
  const work = resolvePaths({ env: {}, homedir, profile: 'work' })
  t.equal(work.stateDir, '/home/alice/.openclaw-work')
  t.equal(work.configPath, '/home/alice/.openclaw-work/openclaw.json')
  t.equal(work.workspaceDir, '/home/alice/.openclaw-work/workspace')
  t.equal(work.basePort, 18789)
  const dev = resolvePaths({ env: {}, homedir, dev: true })
  t.equal(dev.profile, 'dev')
  t.equal(dev.stateDir, '/home/alice/.openclaw-dev')
  t.equal(dev.basePort, 19001)
  t.equal(resolvePaths({ env: { OPENCLAW_PROFILE: 'dev' }, homedir }).basePort, 19001)
  t.equal(resolvePaths({ env: { OPENCLAW_PROFILE: 'other' }, homedir, profile: 'mine' }).profile, 'mine')
  t.equal(resolvePaths({ env: {}, homedir, profile: 'default' }).stateDir, '/home/alice/.openclaw')
})

t.test('a profile name that could leave its directory is refused', async t => {
  for (const profile of ['../x', 'a/b', '-rf', '.hidden', 'a b', 'x'.repeat(65)]) {
    t.throws(() => resolvePaths({ env: {}, homedir, profile }), RangeError, profile)
  }
})

t.test('the environment moves each place, and ~ is the home directory', async t => {
  const env = { OPENCLAW_HOME: '/srv/bot', OPENCLAW_STATE_DIR: '~/state', OPENCLAW_CONFIG_PATH: '~/etc/a.json' }
  const paths = resolvePaths({ env, homedir })
  t.equal(paths.homeDir, '/srv/bot')
  t.equal(paths.stateDir, '/srv/bot/state')
  t.equal(paths.configPath, '/srv/bot/etc/a.json')
  t.equal(resolvePaths({ env: { OPENCLAW_STATE_DIR: '/x/y' }, homedir }).configPath, '/x/y/openclaw.json')
  t.equal(resolvePaths({ env: { OPENCLAW_STATE_DIR: '~' }, homedir }).stateDir, homedir)
  t.equal(resolvePaths({ env: { OPENCLAW_HOME: '~/sub' }, homedir }).stateDir, '/home/alice/sub/.openclaw')
})

t.test('variables that are blank, "undefined" or "null" are not set', async t => {
  for (const value of ['', '  ', 'undefined', 'null']) {
    const env = { OPENCLAW_HOME: value, OPENCLAW_STATE_DIR: value, OPENCLAW_CONFIG_PATH: value, OPENCLAW_PROFILE: value }
    const paths = resolvePaths({ env, homedir })
    t.equal(paths.stateDir, '/home/alice/.openclaw', JSON.stringify(value))
    t.equal(paths.configPath, '/home/alice/.openclaw/openclaw.json')
  }
})

t.test('another path that begins with a tilde is not the home directory', async t => {
  t.equal(expandPath('~bob/x', homedir), resolve('~bob/x'))
  t.equal(expandPath('rel', homedir), resolve('rel'))
})
