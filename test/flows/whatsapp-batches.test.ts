import t from 'tap'
import {
  accessToken, alice, appSecret, notification, phoneNumberId, signed, startWhatsapp, textMessage, valueOf, verifyToken
} from '../fixtures/channels/whatsapp-server.ts'
import { createHome, daemonToken, eventually, serve } from '../process/daemon.ts'

const mib = 1024 * 1024

t.test('WhatsApp brings what waited in batches of up to 3 MiB, and nobody brings more', async t => {
  const server = await startWhatsapp(t)
  const keys = { phoneNumberId, accessToken, appSecret, verifyToken, apiRoot: server.url, dmPolicy: 'allowlist', allowFrom: [alice] }
  const home = createHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } }, channels: { whatsapp: keys } })
  const daemon = await serve(t, { home })
  const post = async ({ body, headers }: ReturnType<typeof signed>): Promise<number> =>
    (await fetch(`${daemon.http}/webhooks/whatsapp/default`, { method: 'POST', headers, body: new Uint8Array(body) })).status
  const batch = (bytes: number, text: string): Buffer => notification(valueOf([textMessage(text)], { contacts: [{ profile: { name: 'x'.repeat(bytes) }, wa_id: alice }] }))
  await eventually(async () => await post(signed(batch(10, 'small'))), status => status === 200)
  t.equal(await post(signed(batch(2.9 * mib, 'large'))), 200)
  t.equal(await post(signed(batch(3 * mib, 'too large'))), 413)
  t.equal(await post(signed(batch(2.9 * mib, 'forged'), 'another secret')), 401)
  const said = await eventually(async () => server.messages.map(message => JSON.stringify(message)).join('\n'), text => text.includes('large'), 15_000)
  t.match(said, /small[^]*large/)
  t.notMatch(said, /too large|forged/)

  const chunked = new ReadableStream({
    start (stream) {
      for (let part = 0; part < 4; part++) stream.enqueue(Buffer.alloc(mib, ' '))
      stream.close()
    }
  })
  const told = await fetch(`${daemon.http}/webhooks/whatsapp/default`, { method: 'POST', body: chunked, duplex: 'half' } as RequestInit)
  t.equal(told.status, 413, 'also when it does not say how long it is')
})
