/** References in the place of credentials, by the command line: nothing is written that was not judged, and no credential is printed. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import json5 from 'json5'
import t, { type Test } from 'tap'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { cliHome, runCli, type CliRun } from './run-cli.ts'

const token = 'plain-gateway-token-0123456789abcdef'
const apiKey = 'sk-plain-provider-key-0123456789'

function scene (t: Test, env: NodeJS.ProcessEnv = {}) {
  const directory = ownDirectory(t)
  const home = cliHome(directory)
  const text = `{
  // kept
  gateway: { mode: "local", auth: { mode: "token", token: "${token}" } },
  models: { providers: { openai: { baseUrl: "http://127.0.0.1:9", apiKey: "${apiKey}", models: [] } } }
}
`
  writeFileSync(home.configPath, text, { mode: 0o600 })
  const planFile = join(directory, 'plan.json')
  return {
    ...home,
    directory,
    planFile,
    text,
    read: () => json5.parse<any>(readFileSync(home.configPath, 'utf8')),
    raw: () => readFileSync(home.configPath, 'utf8'),
    plan: (targets: readonly object[], more: object = {}) => writeFileSync(planFile, JSON.stringify({ version: 1, protocolVersion: 1, targets, ...more })),
    run: (argv: readonly string[], typed?: readonly string[]): Promise<CliRun> =>
      runCli(['secrets', ...argv], { env: { ...home.env, ...env }, ...(typed ? { typed } : {}) })
  }
}

const providerTarget = (ref: object) => ({ type: 'models.providers.apiKey', path: 'models.providers.openai.apiKey', providerId: 'openai', ref })

t.test('a plan is carried out as a whole: comments stay, no copy of what was there is kept, and .env loses what has moved', async t => {
  const made = scene(t, { MOVED_TOKEN: token })
  const vault = join(made.directory, 'vault.json')
  writeFileSync(vault, JSON.stringify({ openai: apiKey }), { mode: 0o600 })
  const dotEnv = join(made.stateDir, '.env')
  writeFileSync(dotEnv, `# mine\nOLD_API_KEY=${apiKey}\nMOVED_TOKEN=${token}\nGREETING=hello\n`, { mode: 0o600 })
  made.plan([
    { type: 'gateway.auth.token', path: 'gateway.auth.token', ref: { source: 'env', id: 'MOVED_TOKEN' } },
    providerTarget({ source: 'file', provider: 'vault', id: '/openai' })
  ], { providerUpserts: { vault: { source: 'file', path: vault } } })

  const dry = await made.run(['apply', '--from', made.planFile, '--dry-run', '--json'])
  t.match(dry.json(), { mode: 'dry-run', changed: true, changedFiles: [dotEnv, made.configPath], refsChecked: 2, skippedExecRefs: 0, checks: { resolvabilityComplete: true } })
  t.equal(made.raw(), made.text, 'nothing was written')

  const done = await made.run(['apply', '--from', made.planFile])
  t.equal(done.code, 0, done.err)
  t.match(done.out, /^Secrets applied\. Updated 2 files\./)
  t.match(made.read(), {
    gateway: { auth: { token: { source: 'env', id: 'MOVED_TOKEN' } } },
    models: { providers: { openai: { apiKey: { source: 'file', provider: 'vault', id: '/openai' } } } },
    secrets: { providers: { vault: { source: 'file', path: vault } } }
  })
  t.match(made.raw(), '// kept')
  t.equal(readFileSync(dotEnv, 'utf8'), `# mine\nMOVED_TOKEN=${token}\nGREETING=hello\n`, 'what a reference reads stays')
  t.same(readdirSync(made.stateDir).filter(name => name.includes('.bak')), [], 'no backup holds what was taken out')
  t.notMatch(dry.out + dry.err + done.out + done.err, new RegExp(`${token}|${apiKey}`))
  t.match((await made.run(['apply', '--from', made.planFile])).out, 'Secrets apply: no changes.')
})

t.test('a plan whose references lead nowhere changes nothing and says which', async t => {
  const made = scene(t)
  made.plan([providerTarget({ source: 'env', id: 'NOT_SET_ANYWHERE' }), { type: 'gateway.auth.token', path: 'gateway.auth.token', ref: { source: 'file', provider: 'nowhere', id: '/x' } }])
  const { code, err } = await made.run(['apply', '--from', made.planFile])
  t.equal(code, 1)
  t.match(err, /nothing was changed: .*"nowhere".*NOT_SET_ANYWHERE is not set/)
  t.equal(made.raw(), made.text)
  t.match(await made.run(['apply', '--from', join(made.directory, 'none.json')]), { code: 1, err: /does not exist/ })
  t.match(await made.run(['apply', '--from', made.directory]), { code: 1, err: /no regular file/ })
  t.match(await made.run(['apply']), { code: 1, err: /A plan is missing/ })
})

t.test('a provider that something still needs is not removed', async t => {
  const made = scene(t, { SOME_KEY: apiKey })
  made.plan([providerTarget({ source: 'env', provider: 'own', id: 'SOME_KEY' })], { providerUpserts: { own: { source: 'env' } } })
  t.equal((await made.run(['apply', '--from', made.planFile])).code, 0)
  made.plan([], { providerDeletes: ['own'] })
  t.match(await made.run(['apply', '--from', made.planFile]), { code: 1, err: /models\.providers\.openai\.apiKey: secret provider "own"/ })
  t.ok(made.read().secrets.providers.own)
})

t.test('programs that tell credentials are run when that is said, and not before', async t => {
  const made = scene(t)
  const program = join(made.directory, 'vault.sh')
  const ran = join(made.directory, 'ran')
  writeFileSync(program, `#!/bin/sh\ntouch ${ran}\nprintf '{"protocolVersion":1,"values":{"openai":"${apiKey}"}}'\n`)
  chmodSync(program, 0o700)
  made.plan([providerTarget({ source: 'exec', provider: 'vault', id: 'openai' })], { providerUpserts: { vault: { source: 'exec', command: program } } })
  t.match((await made.run(['apply', '--from', made.planFile, '--dry-run', '--json'])).json(), { skippedExecRefs: 1, checks: { resolvabilityComplete: false } })
  t.match(await made.run(['apply', '--from', made.planFile]), { code: 1, err: /--allow-exec/ })
  t.notOk(existsSync(ran))
  t.equal((await made.run(['apply', '--from', made.planFile, '--allow-exec'])).code, 0)
  t.ok(existsSync(ran))
  t.match(await made.run(['resolve', 'models.providers.openai.apiKey']), { code: 0, out: /exec \(vault\) openai; a program would have to be run/ })
  t.match(await made.run(['resolve', 'models.providers.openai.apiKey', '--allow-exec']), { code: 0, out: /can be had \(fingerprint [0-9a-f]{8}\)/ })
})

t.test('earlier versions of the file that still hold the credential are named', async t => {
  const made = scene(t, { SOME_KEY: apiKey })
  writeFileSync(`${made.configPath}.bak`, made.text, { mode: 0o600 })
  const { err } = await made.run(['configure', '--map', 'models.providers.openai.apiKey=env:SOME_KEY', '--apply', '--yes'])
  t.match(err, `rm ${made.configPath}.bak`)
})

t.test('configure makes a plan from options, judges it, and carries it out when that is said', async t => {
  const made = scene(t, { SOME_KEY: 'another-credential-0123456789' })
  const map = ['--map', 'models.providers.openai.apiKey=env:SOME_KEY']
  const { code, out, err } = await made.run(['configure', ...map, '--plan-out', made.planFile])
  t.equal(code, 0, err)
  t.match(out, /models\.providers\.openai\.apiKey → env SOME_KEY\n.*secrets apply --from/)
  t.match(err, /another credential than the one that stands there now/)
  t.match(err, /SOME_KEY is set in this shell/)
  t.equal(made.raw(), made.text)
  t.match(JSON.parse(readFileSync(made.planFile, 'utf8')), { version: 1, protocolVersion: 1, targets: [{ type: 'models.providers.apiKey', ref: { source: 'env', id: 'SOME_KEY' } }] })
  t.match(await made.run(['configure', ...map, '--plan-out', made.planFile]), { code: 1, err: /is there already/ })
  t.match(await made.run(['configure', ...map, '--apply']), { code: 1, err: /needs --yes/ })
  t.match((await made.run(['configure', ...map, '--apply', '--yes', '--json'])).json(), { preflight: { mode: 'dry-run' }, applied: { mode: 'write', changed: true } })
  t.match(made.read().models.providers.openai.apiKey, { source: 'env', id: 'SOME_KEY' })
  t.match(await made.run(['configure']), { code: 1, err: /Questions need a terminal/ })
  t.match(await made.run(['configure', '--map', 'gateway.port=env:PORT']), { code: 1, err: /Unknown plan target type|Invalid plan target/ })
  t.match(await made.run(['configure', '--map', 'gateway.auth.token=vault:x']), { code: 1, err: /needs a ref/ })
  t.notMatch(out + err, /another-credential|sk-plain/)
})

t.test('configure asks for providers and credentials at a terminal, and again when an answer makes no sense', async t => {
  const made = scene(t)
  const vault = join(made.directory, 'vault.json')
  writeFileSync(vault, JSON.stringify({ key: apiKey }), { mode: 0o600 })
  const typed = [
    'what', 'add', 'vault', 'file', 'relative/path', '', 'add', 'vault', 'file', vault, 'json', 'next',
    'gateway.port', 'models.providers.openai.apiKey', 'file', 'vault', '/key', '', 'y'
  ]
  const { code, out, err } = await made.run(['configure'], typed)
  t.equal(code, 0, err)
  t.match(err, /Use one of add, edit, remove, next/)
  t.match(err, /The path must be absolute/)
  t.match(err, /No credential stands at gateway\.port/)
  t.match(out, 'Secrets applied.')
  t.match(made.read().models.providers.openai.apiKey, { source: 'file', provider: 'vault', id: '/key' })
  t.notMatch(out + err, new RegExp(`${token}|${apiKey}`))
  const left = scene(t)
  mkdirSync(left.stateDir, { recursive: true })
  t.match(await left.run(['configure'], ['next', 'gateway.auth.token']), { code: 1, err: /the questions were not answered/ })
  t.equal(left.raw(), left.text)
})

t.test('resolve says where a credential comes from and whether it can be had, never what it is', async t => {
  const made = scene(t)
  const plain = await made.run(['resolve', 'gateway.auth.token'])
  t.match(plain, { code: 0, out: /the configuration itself, as text; can be had \(fingerprint [0-9a-f]{8}\)/ })
  t.match(await made.run(['resolve', 'gateway.auth.password']), { code: 0, out: /nothing is configured/ })
  t.match(await made.run(['resolve', 'gateway.port']), { code: 1, err: /No credential stands at gateway\.port/ })
  writeFileSync(made.configPath, made.text.replace(`"${token}"`, '"$LOST_TOKEN"'), { mode: 0o600 })
  const lost = await made.run(['resolve', 'gateway.auth.token', '--json'])
  t.equal(lost.code, 2)
  t.match(lost.json(), { path: 'gateway.auth.token', kind: 'ref', source: 'env', id: 'LOST_TOKEN', available: false, error: /LOST_TOKEN is not set/ })
  t.notMatch(plain.out, token)
})
