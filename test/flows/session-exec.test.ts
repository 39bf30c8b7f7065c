import t from 'tap'
import { admitted, closeClient, startGateway, testToken } from '../helper.ts'
import { bearer, invoke } from './key-scene.ts'

t.test('what is said of the commands of one conversation makes the rules stricter, and never looser', async t => {
  const config = { tools: { exec: { security: 'full', ask: 'off' } }, gateway: { tools: { allow: ['exec'] } } }
  const gateway = await startGateway(t, { config })
  const { client } = await admitted(gateway.url)
  for (const key of ['strict', 'odd', 'loose']) await client.request('sessions.create', { key })
  const patched = async (key: string, words: object) => t.match(await client.request('sessions.patch', { key, ...words }), { ok: true })
  await patched('strict', { execSecurity: 'deny' })
  await patched('odd', { execSecurity: 'mystery' })
  await patched('loose', { execSecurity: 'full', execAsk: 'off' })
  const ran = async (sessionKey: string) => {
    const { body } = await invoke(gateway, bearer(testToken), { tool: 'exec', args: { command: 'echo it-ran' }, sessionKey })
    return JSON.stringify(body)
  }
  t.match(await ran('main'), 'it-ran')
  t.match(await ran('loose'), 'it-ran')
  for (const key of ['strict', 'odd']) {
    const answer = await ran(key)
    t.match(answer, /switched off for this agent .* or this conversation \(execSecurity\)/, key)
    t.notMatch(answer, '"it-ran')
  }
  await patched('strict', { execSecurity: null })
  t.match(await ran('strict'), 'it-ran')
  await closeClient(client)
})

t.test('a conversation cannot open what the configuration closes', async t => {
  const gateway = await startGateway(t, { config: { tools: { exec: { security: 'deny' } }, gateway: { tools: { allow: ['exec'] } } } })
  const { client } = await admitted(gateway.url)
  await client.request('sessions.create', { key: 'loose' })
  await client.request('sessions.patch', { key: 'loose', execSecurity: 'full', execAsk: 'off' })
  const { body } = await invoke(gateway, bearer(testToken), { tool: 'exec', args: { command: 'echo it-ran' }, sessionKey: 'loose' })
  t.match(JSON.stringify(body), /switched off/)
  await closeClient(client)
})
