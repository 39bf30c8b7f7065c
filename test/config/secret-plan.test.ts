import t from 'tap'
import { checkPlan, parsePlan } from '../../src/config/secret-plan.ts'
import { isCredentialPlace, isOfType, isPlaceType, placeType } from '../../src/config/secret-places.ts'
import { parsePath } from '../../src/config/path-syntax.ts'

const ref = { source: 'env', id: 'SOME_KEY' }
const plan = (target: object, more: object = {}) => ({ version: 1, protocolVersion: 1, targets: [target], ...more })
const provider = { type: 'models.providers.apiKey', path: 'models.providers.openai.apiKey', ref }

t.test('places of credentials are known by the schema, and by their names where the schema belongs to somebody else', async t => {
  const places = ['gateway.auth.token', 'models.providers.openai.apiKey', 'channels.telegram.botToken', 'channels.telegram.accounts.work.botToken', 'hooks.token']
  for (const path of places) t.ok(isCredentialPlace(parsePath(path)), path)
  for (const path of ['gateway.port', 'models.providers.openai.baseUrl', 'gateway', 'nothing.there', 'token']) t.notOk(isCredentialPlace(parsePath(path)), path)
})

t.test('a type stands for every place that differs only in names that people chose', async t => {
  const steps = parsePath('models.providers.openai.apiKey')
  t.equal(placeType(steps), 'models.providers.apiKey')
  for (const type of ['models.providers.apiKey', 'models.providers.*.apiKey', 'models.providers.openai.apiKey']) {
    t.ok(isPlaceType(type), type)
    t.ok(isOfType(type, steps), type)
  }
  for (const type of ['models.providers.other.apiKey', 'models.apiKey', '*.providers.apiKey', 'models.providers']) t.notOk(isOfType(type, steps), type)
  t.ok(isPlaceType('channels.telegram.accounts.*.botToken'))
  t.ok(isOfType('channels.telegram.accounts.*.botToken', parsePath('channels.telegram.accounts.work.botToken')))
  for (const type of ['models.providers.baseUrl', 'gateway.port', 'made.up', '', '*']) t.notOk(isPlaceType(type), type)
})

t.test('a plan is read with everything that the contract lets it have', async t => {
  const text = `{ version: 1, protocolVersion: 1, // a comment
    targets: [{ type: "models.providers.apiKey", path: "models.providers.my.host.apiKey",
      pathSegments: ["models", "providers", "my.host", "apiKey"], providerId: "my.host", ref: { source: "exec", provider: "vault", id: "a:b" } }],
    providerUpserts: { vault: { source: "exec", command: "/usr/bin/vault" } }, providerDeletes: ["old"], options: { scrubEnv: false, scrubLegacyAuthJson: true } }`
  t.match(parsePlan(text), {
    targets: [{ path: 'models.providers["my.host"].apiKey', pathSegments: ['models', 'providers', 'my.host', 'apiKey'] }],
    providerDeletes: ['old'],
    options: { scrubEnv: false, scrubLegacyAuthJson: false }
  })
})

t.test('a plan that breaks a rule is refused as a whole, with the rule, and without what it holds', async t => {
  const bad: ReadonlyArray<readonly [object, RegExp]> = [
    [plan({ ...provider, path: 'models.providers.openai.baseUrl' }), /^Invalid plan target path for models\.providers\.apiKey: models\.providers\.openai\.baseUrl$/],
    [plan({ ...provider, type: 'models.everything' }), /^Unknown plan target type: models\.everything$/],
    [plan({ ...provider, path: 'models.providers.__proto__.apiKey' }), /reserved/],
    [plan({ ...provider, pathSegments: ['models', 'providers', 'constructor', 'apiKey'], path: 'models.providers.constructor.apiKey' }), /pathSegments/],
    [plan({ ...provider, pathSegments: ['gateway', 'auth', 'token'] }), /pathSegments must be the same place/],
    [plan({ ...provider, providerId: 'anthropic' }), /providerId/],
    [plan({ ...provider, ref: { source: 'env', id: 'lower' } }), /an id that is the name of an environment variable/],
    [plan({ ...provider, ref: { source: 'store', id: 'KEPT' } }), /keeps no secrets in its store/],
    [plan({ ...provider, ref: 'sk-plain-text-credential' }), /needs a ref/],
    [plan({ type: 'auth-profiles.api_key.key', path: 'profiles.openai:default.key', agentId: 'main', ref }), /keeps no profiles of accounts/],
    [plan(provider, { version: 2 }), /version 1/],
    [plan(provider, { providerUpserts: { 'Bad Alias': {} } }), /providerUpserts/],
    [plan(provider, { providerDeletes: 'all' }), /providerDeletes/],
    [{ version: 1, protocolVersion: 1 }, /needs targets/]
  ]
  for (const [wrong, message] of bad) {
    t.throws(() => checkPlan(wrong), { name: 'PlanError', message }, String(message))
    t.throws(() => checkPlan(wrong), { message: /^(?![^]*sk-plain)/ })
  }
  t.throws(() => parsePlan('sk-secret-text'), { message: 'the plan is not JSON' })
})
