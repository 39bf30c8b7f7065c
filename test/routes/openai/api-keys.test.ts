import t from 'tap'
import { bearer, makeKey } from '../../flows/key-scene.ts'
import { admitted, closeClient } from '../../helper.ts'
import { startScene } from './scene.ts'

const both = { gateway: { http: { endpoints: { chatCompletions: { enabled: true }, responses: { enabled: true } } } } }

t.test('what programs made for OpenAI use goes on the account of their key, and is refused in their words when the day is used up', async t => {
  const scene = await startScene(t, { ...both, memory: { search: { provider: 'box', model: 'embedder' } } })
  const { client: admin } = await admitted(scene.url)
  const { secret } = await makeKey(admin, 'program', { limits: { tokensPerDay: 3 } })
  const embed = () => scene.post('/v1/embeddings', { model: 'openclaw', input: ['alpha', 'be'] }, bearer(secret))
  t.equal((await embed()).status, 200)
  t.match((await admin.request('keys.show', { name: 'program' })).payload.key.today, { tokens: 4, runs: 0 })
  for (const answer of [await embed(), await scene.post('/v1/chat/completions', { model: 'openclaw', messages: [{ role: 'user', content: 'x' }] }, bearer(secret))]) {
    t.equal(answer.status, 429)
    t.ok(Number(answer.headers.get('retry-after')) > 0)
    t.match(await answer.json(), { error: { message: /may use 3 tokens in a day/, code: /KEY_BUDGET_SPENT|rate_limit/i } })
  }
  await closeClient(admin)
})

t.test('a response of one key is not there for another, nor is what it goes on from', async t => {
  const scene = await startScene(t, both)
  const { client: admin } = await admitted(scene.url)
  const [own, other] = [await makeKey(admin, 'own'), await makeKey(admin, 'other')]
  const ask = async (secret: string, more: object = {}, headers: { [name: string]: string } = {}) =>
    await scene.post('/v1/responses', { model: 'openclaw', input: 'hello', ...more }, { ...bearer(secret), ...headers })
  const { id } = await (await ask(own.secret, { user: 'alice' }, { 'idempotency-key': 'same' })).json() as { id: string }
  const get = async (secret: string, path = '') => (await fetch(`${scene.http}/v1/responses/${id}${path}`, { headers: bearer(secret) })).status
  t.equal(await get(own.secret), 200)
  for (const path of ['', '/input_items']) t.equal(await get(other.secret, path), 404, path)
  t.equal((await fetch(`${scene.http}/v1/responses/${id}`, { method: 'DELETE', headers: bearer(other.secret) })).status, 404)
  t.ok([400, 404].includes((await ask(other.secret, { previous_response_id: id })).status))
  const theirs = await (await ask(other.secret, { user: 'alice' }, { 'idempotency-key': 'same' })).json() as { id: string }
  t.not(theirs.id, id, 'the same key of a request is another one for somebody else')
  const list = async (secret: string) => (await (await fetch(`${scene.http}/api/sessions`, { headers: bearer(secret) })).json() as { sessions: Array<{ key: string }> }).sessions
  t.ok((await list(other.secret)).every(({ key }) => key.includes(`:key:${other.id}:`)))
  t.equal(await get(own.secret), 200)
  await closeClient(admin)
})
