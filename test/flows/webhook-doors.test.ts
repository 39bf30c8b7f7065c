import t from 'tap'
import { createHmac } from 'node:crypto'
import { eventually } from '../fixtures/eventually.ts'
import { startGateway } from '../helper.ts'

const secrets = { a: 'secret-of-a-0123456789', b: 'secret-of-b-0123456789' }

t.test('who guesses at the door of one account shuts nobody out of another one', async t => {
  const accounts = Object.fromEntries(Object.entries(secrets).map(([id, secret]) => [id, { secret }]))
  const { http } = await startGateway(t, { config: { channels: { webhook: { accounts } } } })
  const call = async (account: 'a' | 'b', secret: string, id: string): Promise<number> => {
    const body = JSON.stringify({ id, sender: { id: 'ada' }, text: 'Hello' })
    const seconds = String(Math.floor(Date.now() / 1000))
    const sum = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
    const headers = { 'content-type': 'application/json', 'x-openclaw-timestamp': seconds, 'x-openclaw-signature': `sha256=${sum}` }
    return (await fetch(`${http}/webhooks/webhook/${account}`, { method: 'POST', headers, body })).status
  }
  await eventually(async () => [await call('a', secrets.a, 'one'), await call('b', secrets.b, 'one')], codes => codes.every(code => code === 200))
  const guesses: number[] = []
  for (let count = 0; count < 21; count++) guesses.push(await call('b', secrets.a, 'two'))
  t.same(guesses, [...Array(20).fill(401), 429])
  t.equal(await call('b', secrets.b, 'three'), 429)
  t.equal(await call('a', secrets.a, 'three'), 200)
})
