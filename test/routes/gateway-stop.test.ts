import t from 'tap'
import { becomes, listen, openGateway, send } from './gateway-scene.ts'

t.test('a stop is told to whoever waits, with what to do to hear the end', async t => {
  const gateway = await openGateway(t, {}, { config: { gateway: { shutdown: { drainMs: 50 } } } })
  const slow = '/slow 50\n/words 400'
  const listening = await listen(gateway, { from: 'a', text: slow, request_id: 's' })
  await listening.hears('message.delta')
  const waiting = send(gateway, { from: 'b', text: slow, request_id: 'w' })
  await becomes(gateway, 'w', 'running')
  const queued = send(gateway, { from: 'b', text: 'after it', request_id: 'q' })
  await becomes(gateway, 'q', 'queued')
  const stopped = gateway.gateway.stop()
  for (const answer of [await waiting, await queued]) {
    t.equal(answer.status, 503)
    t.match(answer.body, { error: { type: 'unavailable', code: 'STOPPING' }, session_id: 'http:dm:b' })
    t.match(answer.headers.get('retry-after'), /^\d+$/)
  }
  await listening.ended
  t.match(listening.told.at(-1), { event: 'run.error', data: { error: { type: 'unavailable' }, request_id: 's' } })
  await stopped
})
