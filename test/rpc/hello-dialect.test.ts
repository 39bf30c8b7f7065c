import t from 'tap'
import { connectParamsOfHello, isHelloFrame } from '../../src/rpc/hello-dialect.ts'

t.test('only an object of type hello with a usable id is one', async t => {
  t.ok(isHelloFrame({ type: 'hello' }))
  t.ok(isHelloFrame({ type: 'hello', id: 'a' }))
  for (const other of [null, 'hello', [], { type: 'req' }, { type: 'hello', id: 3 }, { type: 'hello', id: '' }]) t.notOk(isHelloFrame(other))
})

t.test('flat fields become connect params', async t => {
  t.same(connectParamsOfHello({ type: 'hello', deviceId: 'd', publicKey: 'p', signature: 's', signedAt: 5, nonce: 'n', token: 'secret' }), {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: 'gateway-client', version: 'unknown', platform: 'unknown', mode: 'backend' },
    role: 'operator',
    scopes: ['operator.read', 'operator.write'],
    device: { id: 'd', publicKey: 'p', signature: 's', signedAt: 5, nonce: 'n' },
    auth: { token: 'secret' }
  })
})

t.test('a device id without a signature is no device', async t => {
  t.notOk('device' in (connectParamsOfHello({ type: 'hello', deviceId: 'd', nonce: 'n' }) as object))
})
