import t, { type Test } from 'tap'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createCeiling } from '../../bench/ceiling.ts'
import { createChildren } from '../../bench/children.ts'
import { readRunFrame, type RunFrame } from '../../bench/load/run-frames.ts'
import { runTurns } from '../../bench/load/turns.ts'
import { createWindow } from '../../bench/load/window.ts'
import { modelUrl, startModel } from '../../bench/model/model.ts'
import { defaultProfile } from '../../bench/profile.ts'
import { mustConnect } from '../../bench/wire/handshake.ts'
import { createIdentity, createSigner } from '../../bench/wire/identity.ts'
import { eventually } from '../fixtures/eventually.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const token = 'the-token'

async function withTurns (t: Test) {
  const model = await startModel(createChildren())
  const journalPath = join(ownDirectory(t), 'journal')
  const server = createCeiling({ token, model: { url: `${modelUrl(model.endpoint)}/chat/completions`, id: 'zero' }, journalPath })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await model.stop()
  })
  return { endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, journalPath }
}

t.test('a turn of the ceiling is kept, acknowledged, told to everybody in the frames of the profile, and ended', async t => {
  const { endpoint, journalPath } = await withTurns(t)
  const options = { endpoint, signer: createSigner(createIdentity()), secret: { token } }
  const { socket } = await mustConnect(options)
  const { socket: other } = await mustConnect(options)
  const texts: Buffer[] = []
  socket.onText = payload => { texts.push(Buffer.from(payload)) }
  let heard = 0
  other.onText = () => { heard++ }
  socket.send('{"type":"req","id":"r1","method":"agent","params":{"message":"hello","idempotencyKey":"r1"}}')
  const frames = (): RunFrame[] => texts.map(readRunFrame).filter(frame => frame !== undefined)
  await eventually(() => frames().length >= 4 && texts.some(text => text.includes('"status":"ok"')))
  t.same(frames().map(({ kind }) => kind), ['acknowledged', 'first-word', 'ended', 'ended'])
  t.same([...new Set(frames().map(({ run }) => run))], ['r1'])
  const { before, streamed, after } = defaultProfile.turn!
  const told = before.length + streamed.length + after.length
  t.equal(await eventually(() => heard, count => count >= told), told)
  t.match(readFileSync(journalPath, 'utf8').trim().split('\n').map(line => JSON.parse(line)), [
    { runId: 'r1', role: 'user', content: 'hello' }, { runId: 'r1', role: 'assistant', content: 'This is what the model of the bench always says.' }
  ])
  socket.close()
  other.close()
})

t.test('the load counts every turn once, whichever method begins it and whatever is waited for', async t => {
  const { endpoint, journalPath } = await withTurns(t)
  for (const [method, until] of [['chat.send', 'end'], ['agent', 'end'], ['chat.send', 'first-word']] as const) {
    const window = createWindow(() => {})
    await runTurns({
      kind: 'turns', endpoint, secret: { token }, identities: [createIdentity()], method, connections: 2, concurrency: 4, durationMs: 10_000, maxCount: 20, turnsPerSession: 3, name: `${method}-${until}`, until
    }, window)
    const { count, failures, latencies } = window.result()
    t.equal(count, 20, `${method} until ${until}`)
    t.same(failures, {})
    t.ok(latencies.p50Ms > 0)
  }
  t.equal(readFileSync(journalPath, 'utf8').trim().split('\n').length, 3 * 20 * 2)
})
