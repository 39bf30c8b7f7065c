/** Approved templates of WhatsApp, as operators, programs and agents send them to somebody who has not written for long. */
import t from 'tap'
import { accessToken, alice, appSecret, phoneNumberId, startWhatsapp, verifyToken } from '../fixtures/channels/whatsapp-server.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { openChannelScene } from './channel-scene.ts'

t.test('a template is sent by name, with what stands in its places, once for each key', async t => {
  const server = await startWhatsapp(t)
  const { url } = await startGateway(t, {
    config: { channels: { whatsapp: { phoneNumberId, accessToken, appSecret, verifyToken, apiRoot: server.url } } }
  })
  const { client } = await admitted(url)
  t.teardown(async () => await closeClient(client))
  const act = async (params: object, idempotencyKey: string): Promise<any> =>
    await client.request('message.action', { channel: 'whatsapp', action: 'send', params: { target: alice, ...params }, idempotencyKey })
  const order = { template: 'order_update:de', templateParams: ['4711', 'Friday'] }
  const { payload } = await act(order, 'one')
  t.match(payload, { ok: true, status: 'sent', messageId: /^wamid/ })
  t.same((await act(order, 'one')).payload, payload)
  t.match((await act({ ...order, templateParams: ['4712'] }, 'one')).error, { details: { code: 'IDEMPOTENCY_CONFLICT' } })
  t.match(server.messages, [{
    type: 'template',
    template: {
      name: 'order_update',
      language: { code: 'de' },
      components: [{ type: 'body', parameters: [{ type: 'text', text: '4711' }, { type: 'text', text: 'Friday' }] }]
    }
  }])
  t.equal(server.messages.length, 1)
  t.match((await client.request('tools.invoke', { name: 'message', args: { action: 'send', channel: 'whatsapp', target: alice, template: 'hello_world' } })).payload, {
    ok: true
  })
  t.match(server.messages.at(-1), { template: { name: 'hello_world', language: { code: 'en_US' } } })
  t.notOk('components' in server.messages.at(-1).template)
  t.match((await act({ template: { name: 'unknown' } }, 'two')).error, { message: /132001.*WhatsApp Manager lists them/ })
  const wrong: ReadonlyArray<readonly [object, RegExp]> = [
    [{ template: 'Order Update' }, /small letters, digits and underscores/],
    [{ template: 'order_update:deutsch!' }, /a code such as en_US/],
    [{ template: 'order_update', message: 'and a text' }, /says its own text/],
    [{ template: { name: 'order_update', components: 'x' } }, /list of objects/],
    [{ templateParams: ['x'] }, /template is required/]
  ]
  for (const [params, message] of wrong) t.match((await act(params, 'wrong')).error, { message }, JSON.stringify(params))
})

t.test('channels without templates say so', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  const params = { target: '501', template: 'hello_world' }
  t.match((await scene.call('message.action', { channel: 'telegram', action: 'send', params, idempotencyKey: 'x' })).error, {
    message: 'Templates are not supported on telegram.'
  })
})
