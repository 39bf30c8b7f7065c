/** Services against the gateway as people run it: a process of its own, secrets by reference, killed in between. */
import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { makeHome, runProcess, startDaemon, type Daemon, type Home } from '../../fixtures/daemon.ts'
import * as mac from '../../fixtures/channels/bluebubbles-server.ts'
import * as mx from '../../fixtures/channels/matrix-server.ts'
import { startService, type ServiceServer } from '../../fixtures/channels/service-server.ts'
import * as wa from '../../fixtures/channels/whatsapp-server.ts'
import { eventually } from '../../process/daemon.ts'

const secret = 'a long random text of both sides'
const open = { dmPolicy: 'open', allowFrom: ['*'] }

interface Scene {
  readonly home: Home
  readonly whatsapp: wa.WhatsappServer
  readonly bluebubbles: mac.BluebubblesServer
  readonly matrix: mx.MatrixServer
  readonly receiver: ServiceServer
  daemon: Daemon
  hook (path: string, init: RequestInit): Promise<{ readonly status: number, readonly body: string }>
  /** Killed, and begun again; people go on writing in between. */
  restart (meanwhile?: () => void): Promise<void>
}

async function openScene (t: Test): Promise<Scene> {
  const [whatsapp, bluebubbles, matrix] = [await wa.startWhatsapp(t), await mac.startBluebubbles(t), await mx.startMatrix(t)]
  const receiver = await startService(t, { nameOf: ({ json }) => json.type, answer: () => ({ json: {} }) })
  const fromEnv = (id: string): object => ({ source: 'env', id })
  const keys = {
    whatsapp: { ...open, phoneNumberId: wa.phoneNumberId, accessToken: fromEnv('WA_TOKEN'), appSecret: fromEnv('WA_SECRET'), verifyToken: wa.verifyToken, apiRoot: whatsapp.url },
    imessage: { ...open, serverUrl: bluebubbles.url, password: fromEnv('MAC_PASSWORD'), sweepSeconds: 5 },
    matrix: { ...open, homeserver: matrix.url, accessToken: fromEnv('MX_TOKEN'), syncTimeoutSeconds: 2 },
    webhook: { dmPolicy: 'pairing', secret: fromEnv('HOOK_SECRET'), url: `${receiver.url}/in`, allowPrivateNetwork: true }
  }
  // Killed again and again, it would hold its channels back.
  const gateway = { mode: 'local', auth: { token: 'token-0123456789abcdef0123456789abcdef' }, crashLoop: { maxUncleanStarts: 0 } }
  const made = await makeHome(t, { gateway, channels: keys })
  const home = { ...made, env: { ...made.env, WA_TOKEN: wa.accessToken, WA_SECRET: wa.appSecret, MAC_PASSWORD: mac.password, MX_TOKEN: mx.accessToken, HOOK_SECRET: secret } }
  const scene: Scene = {
    home,
    whatsapp,
    bluebubbles,
    matrix,
    receiver,
    daemon: await startDaemon(t, home),
    async hook (path, init) {
      const ask = async (): Promise<Response> => await fetch(`http://127.0.0.1:${home.port}/webhooks/${path}`, init)
      const answer = await eventually(ask, ({ status }) => status !== 503 && status !== 404)
      return { status: answer.status, body: await answer.text() }
    },
    async restart (meanwhile = () => {}) {
      await scene.daemon.stop('SIGKILL')
      meanwhile()
      scene.daemon = await startDaemon(t, home)
    }
  }
  await eventually(async () => matrix.named('sync').length > 1 && bluebubbles.named('message/query').length > 0, Boolean)
  return scene
}

const post = (body: Buffer, headers: { [name: string]: string }): RequestInit =>
  ({ method: 'POST', body: new Uint8Array(body), headers: { 'content-type': 'application/json', ...headers } })

t.test('people of every service are answered by the gateway, once, also when it is killed', async t => {
  const scene = await openScene(t)
  const { whatsapp, bluebubbles, matrix, receiver } = scene
  const whatsappCall = (text: string): RequestInit => {
    const { body, headers } = wa.signed(wa.notification(wa.valueOf([wa.textMessage(text)])))
    return post(body, headers)
  }
  const first = whatsappCall('hello from WhatsApp')
  const macAnswers = (): any[] => bluebubbles.messages.filter(({ isFromMe }) => isFromMe)
  const ownEvents = (): any[] => matrix.events.map(({ event }) => event).filter(({ sender }) => sender === mx.self)
  const matrixAnswers = (): string[] => ownEvents().filter(({ content }) => content['m.new_content'] === undefined).map(({ content }) => content.body)
  const programCall = (id: string, text: string): RequestInit => {
    const body = Buffer.from(JSON.stringify({ id, sender: { id: 'ada', name: 'Ada' }, text }))
    const at = String(Math.floor(Date.now() / 1000))
    const sum = createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex')
    return post(body, { 'x-openclaw-timestamp': at, 'x-openclaw-signature': `sha256=${sum}` })
  }
  const posted = (words: RegExp): any[] => receiver.calls.map(({ json }) => json).filter(({ text }) => words.test(text))
  const again = programCall('m2', 'hello again')

  await t.test('WhatsApp brings messages to an address that it has verified', async t => {
    t.match(await scene.hook(`whatsapp/default?hub.mode=subscribe&hub.verify_token=${wa.verifyToken}&hub.challenge=42`, {}), { status: 200, body: '42' })
    t.match(await scene.hook('whatsapp/default', first), { status: 200 })
    await eventually(() => whatsapp.messages.length, count => count > 0)
    t.match(whatsapp.messages, [{ to: wa.alice, text: { body: /hello from WhatsApp/ } }])
  })

  await t.test('iMessage is read from the Mac, and Matrix from its homeserver', async t => {
    bluebubbles.hooks.push({ url: `http://127.0.0.1:${scene.home.port}/webhooks/imessage/default?password=${encodeURIComponent(mac.password)}`, events: ['*'] })
    bluebubbles.write({ text: 'hello from the Mac' })
    matrix.write(mx.text('hello from Matrix'))
    await eventually(() => Math.min(macAnswers().length, matrixAnswers().length), count => count > 0)
    t.match(macAnswers(), [{ text: /hello from the Mac/, chats: [{ guid: mac.direct.guid }] }])
    t.match(matrixAnswers(), [/hello from Matrix/])
  })

  await t.test('programs have to be let in like people', async t => {
    t.match(await scene.hook('webhook/default', programCall('m1', 'hello')), { status: 200, body: '{"ok":true,"id":"m1"}' })
    await eventually(() => receiver.calls.length, count => count > 0)
    const code = /\b([A-HJ-NP-Z2-9]{8})\b/.exec(receiver.calls[0]!.json.text)?.[1]
    t.match(receiver.calls[0]!.json, { type: 'message', chat: { id: 'ada' }, account: 'default' })
    t.ok(code, receiver.calls[0]!.json.text)
    const approved = await runProcess(['pairing', 'approve', 'webhook', code!, '--token', 'token-0123456789abcdef0123456789abcdef'], scene.home.env)
    t.equal(approved.code, 0, approved.err)
    t.match(await scene.hook('webhook/default', again), { status: 200 })
    await eventually(() => posted(/hello again/).length, count => count > 0)
  })

  await scene.restart(() => {
    bluebubbles.write({ text: 'written meanwhile' })
    matrix.write(mx.text('written meanwhile'))
  })

  await t.test('after it was killed WhatsApp brings again what it had no answer for, and nothing is said twice', async t => {
    t.match(await scene.hook('whatsapp/default', first), { status: 200 })
    t.match(await scene.hook('whatsapp/default', whatsappCall('second')), { status: 200 })
    await eventually(() => whatsapp.messages.length, count => count > 1)
    t.match(whatsapp.messages, [{ text: { body: /hello from WhatsApp/ } }, { text: { body: /second/ } }])
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }
    t.match(await scene.hook('whatsapp/default', { ...first, headers }), { status: 401 })
  })

  await t.test('what was written while it was away is answered then', async t => {
    await eventually(() => Math.min(macAnswers().length, matrixAnswers().length), count => count > 1)
    t.match(macAnswers().map(({ text }) => text), [/hello/, /written meanwhile/])
    t.match(matrixAnswers(), [/hello from Matrix/, /written meanwhile/])
    t.same([macAnswers().length, matrixAnswers().length], [2, 2])
  })

  await t.test('nothing of programs counts twice', async t => {
    t.match(await scene.hook('webhook/default', again), { status: 200 }, 'a replay after a restart is kept by nobody')
    t.match(await scene.hook('webhook/default', programCall('m3', 'last')), { status: 200 })
    await eventually(() => posted(/last/).length, count => count > 0)
    t.equal(new Set(posted(/hello again/).map(({ id }) => id)).size, 1)
    t.equal(whatsapp.messages.length, 2, 'nor of anybody else, meanwhile')
  })

  t.equal(await scene.daemon.stop(), 0)
})
