import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import type { TestGateway } from '../helper.ts'
import { becomes, listen, openGateway, send } from './gateway-scene.ts'

t.test('a stop is told to whoever waits, with what to do to hear the end', async t => {
  const gateway = await openGateway(t, {}, { config: { gateway: { shutdown: { drainMs: 50 } } } })
  const slow = '/slow 50\n/words 5000'
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

t.test('a process that is stopped takes all of its time to answer', async t => {
  const token = 'stop-token-0123456789abcdef0123456789abcdef'
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token }, shutdown: { drainMs: 5_500 } } })
  const gateway = { http: `http://127.0.0.1:${home.port}` } as TestGateway
  const headers = { authorization: `Bearer ${token}` }
  const message = { from: 'a', text: '/slow 100\n/words 5000', request_id: 'r' }
  const first = await startDaemon(t, home)
  const listening = await listen(gateway, message, headers)
  await listening.hears('message.delta')
  t.equal(await first.stop(), 0)
  await listening.ended
  t.match(listening.told.at(-1), { event: 'run.error', data: { error: { type: 'unavailable' } } })
  t.match(first.said(), /completed cleanly/)
})
