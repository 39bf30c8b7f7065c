import t from 'tap'
import { redactConfig } from '../../src/config/redact.ts'
import { redactedMark } from '../../src/config/redacted-mark.ts'
import { parseConfigText } from '../../src/config/parse.ts'
import { submitPatch, submitWhole, type Stored } from '../../src/config/submitted.ts'

const text = `{
  // the door
  gateway: { mode: "local", auth: { token: "gateway-secret-1" } },
  agents: { list: [{ id: "a", name: "A" }, { id: "b", name: "B" }] },
  tools: { deny: ["x", "y"] }, /* why */
  models: { providers: { own: { baseUrl: "http://127.0.0.1:1/v1", apiKey: "model-secret-1" } } }
}
`
const stored = async (of = text): Promise<Stored> => ({ text: of, parsed: await parseConfigText(of) })
const patched = async (patch: object, replacePaths?: string[]): Promise<any> =>
  await parseConfigText((await submitPatch(JSON.stringify(patch), await stored(), replacePaths)).text)

t.test('a patch merges objects, removes what is null, and leaves comments and everything else', async t => {
  const { text: after, changedPaths } = await submitPatch('{ gateway: { port: 1, auth: null }, session: { scope: "global" } }', await stored())
  t.same(changedPaths.toSorted(), ['gateway.auth.token', 'gateway.port', 'session.scope'])
  t.match(after, /\/\/ the door/)
  t.match(after, /\/\* why \*\//)
  t.match(await parseConfigText(after), { gateway: { mode: 'local', port: 1, auth: undefined }, session: { scope: 'global' }, tools: { deny: ['x', 'y'] } })
})

t.test('a patch that changes nothing gives the text back as it is', async t => {
  t.same(await submitPatch('{ tools: { deny: ["x", "y"] } }', await stored()), { changedPaths: [], text })
})

t.test('names that would change what an object is are refused, wherever they stand', async t => {
  for (const raw of ['{"__proto__":{"x":1}}', '{ tools: { constructor: 1 } }', '{ agents: { list: [{ "__proto__": {} }] } }']) {
    for (const submit of [submitPatch, submitWhole]) {
      await t.rejects(submit(raw, await stored()), { code: 'CONFIG_INVALID', message: /^raw uses the reserved name "/ })
    }
  }
})

t.test('lists whose entries have ids are merged by them', async t => {
  const { agents } = await patched({ agents: { list: [{ id: 'b', name: 'Bee' }, { id: 'c' }] } })
  t.same(agents.list, [{ id: 'a', name: 'A' }, { id: 'b', name: 'Bee' }, { id: 'c' }])
})

t.test('a list does not lose entries unless its path is named', async t => {
  await t.rejects(patched({ tools: { deny: ['z'] } }), { code: 'CONFIG_ARRAY_SHRINKS', details: { paths: ['tools.deny'] } })
  t.same((await patched({ tools: { deny: ['z'] } }, ['tools.deny'])).tools.deny, ['z'])
  t.same((await patched({ tools: { deny: ['x', 'z', 'w'] } })).tools.deny, ['x', 'z', 'w'])
  t.same((await patched({ agents: { list: [{ id: 'b' }] } }, ['agents.list'])).agents.list, [{ id: 'b' }])
})

t.test('what was read with placeholders and is sent back keeps its credentials', async t => {
  const before = await stored()
  const shown = redactConfig(before.parsed) as any
  t.equal(shown.gateway.auth.token, redactedMark)
  shown.tools.deny.push('z')
  const { text: after, changedPaths } = await submitWhole(JSON.stringify(shown, null, 2), before)
  t.same(changedPaths, ['tools.deny'])
  t.match(after, /gateway-secret-1[\s\S]*model-secret-1/)
  t.match(after, /\/\/ the door/, 'and the comments that it did not show')
})

t.test('a whole text with comments of its own is taken as it is, with the credentials in their places', async t => {
  const raw = `{ // mine\n  gateway: { mode: "local", auth: { token: "${redactedMark}" } } }`
  t.equal((await submitWhole(raw, await stored())).text, '{ // mine\n  gateway: { mode: "local", auth: { token: "gateway-secret-1" } } }')
})

t.test('a placeholder for nothing is refused', async t => {
  await t.rejects(patched({ gateway: { auth: { password: redactedMark } } }), { code: 'CONFIG_PLACEHOLDER', details: { paths: ['gateway.auth.password'] } })
})

t.test('a placeholder never gets the credential of another entry', async t => {
  const of = `{ channels: { own: { hosts: [
    { url: "https://a.example", token: "token-of-a" }, { url: "https://b.example", token: "token-of-b" }, { url: "https://c.example", token: "token-of-c" }
  ] } } }`
  const before = await stored(of)
  const shown = redactConfig(before.parsed) as any
  shown.channels.own.hosts.splice(0, 1)
  const after = await parseConfigText((await submitWhole(JSON.stringify(shown), before)).text) as any
  t.same(after.channels.own.hosts.map(({ url, token }: any) => [url, token]), [['https://b.example', 'token-of-b'], ['https://c.example', 'token-of-c']])
  shown.channels.own.hosts[0].url = 'https://thief.example'
  await t.rejects(submitWhole(JSON.stringify(shown), before), { code: 'CONFIG_PLACEHOLDER' })
})

t.test('what nobody declared is not shown when it looks like a credential', async t => {
  const shown = redactConfig({ plugins: { entries: { own: { config: { word: 'plain', pat: 'ghp_0123456789abcdefABCDEF0123456789abcd', blob: 'A1'.repeat(20) } } } } }) as any
  t.same(shown.plugins.entries.own.config, { word: 'plain', pat: redactedMark, blob: redactedMark })
})

t.test('what cannot be read, or would reach into prototypes, is refused in words', async t => {
  await t.rejects(submitPatch('{ nonsense', await stored()), { code: 'CONFIG_INVALID', message: /raw cannot be read/ })
  await t.rejects(submitPatch('[]', await stored()), { code: 'CONFIG_INVALID', message: /must be an object/ })
  for (const raw of ['{"__proto__": {"polluted": 1}}', '{"gateway": {"constructor": {"prototype": {"polluted": 1}}}}']) {
    await submitPatch(raw, await stored()).then(
      ({ text: after }) => t.notMatch(after, /polluted/),
      (error: Error) => t.match(error.message, /reserved/)
    )
  }
  t.equal((Object.prototype as any).polluted, undefined)
})
