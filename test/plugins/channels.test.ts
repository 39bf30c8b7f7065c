/** A channel that somebody else wrote: a whole way in and out, and nothing of the gateway falls with it. */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { createHome, daemonToken, eventually, getJson, serve } from '../process/daemon.ts'
import { admitted } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

/** It takes calls at its webhook, appends what it sends to a file, and does as it is told when it starts. */
const morse = registering(`
  const { appendFileSync } = await import('node:fs')
  api.registerChannel(sdk.defineChannel({
    id: 'morse',
    label: 'Morse',
    config: sdk.Type.Object({ out: sdk.Type.String(), breaks: sdk.Type.Optional(sdk.Type.String()) }),
    limits: { textLength: 1000, textUnit: 'bytes' },
    markup: 'plain',
    mode: 'webhook',
    missing: () => undefined,
    async start ({ config, receive, connected, failed }) {
      if (config.breaks === 'later') setTimeout(() => { throw new Error('the key is stuck') }, 50)
      if (config.breaks === 'now') throw new Error('there is no key')
      return {
        async stop () {},
        async send ({ text, chatId }) { appendFileSync(config.out, chatId + ' ' + text + '\\n'); return { kind: 'sent', messageId: '1' } },
        async webhook ({ body, headers, path, query }) {
          if (headers['x-key'] !== 'open') return { status: 401, body: 'no' }
          const { id, text } = JSON.parse(body)
          await receive({ eventId: id, chat: { kind: 'direct', id: 'ship' }, sender: { id: 'ship', name: 'Ship' }, text, atMs: Date.now() })
          return { status: 202, body: { path, query }, headers: { 'x-heard': 'yes' } }
        }
      }
    }
  }))
`)

t.test('a channel of a plugin takes messages in, answers them once, and falls alone', async t => {
  const directory = pluginDirectory(t)
  const path = writePlugin(directory, 'lamp', morse, { channels: ['morse'] })
  const out = `${directory}/out.txt`
  writeFileSync(out, '')
  const account = (breaks?: string): object => ({ out, dmPolicy: 'open', allowFrom: ['*'], ...(breaks ? { breaks } : {}) })
  const home = createHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } },
    plugins: { load: { paths: [path] } },
    channels: { morse: { accounts: { default: account(), later: account('later'), now: account('now') } } }
  })
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  const call = async (text: string, id: string, key = 'open'): Promise<{ status: number, body: any }> =>
    await getJson(`${daemon.http}/webhooks/morse/default/sea/north?via=lamp`, { method: 'POST', headers: { 'x-key': key }, body: JSON.stringify({ id, text }) })
  const first = await eventually(async () => await call('ahoy', '1').catch(() => ({ status: 0, body: {} })), ({ status }) => status === 202)
  t.same(first, { status: 202, body: { path: '/sea/north', query: { via: 'lamp' } } })
  t.equal((await call('ahoy', '1')).status, 202, 'a message that is brought again')
  const { readFileSync } = await import('node:fs')
  const sent = await eventually(async () => readFileSync(out, 'utf8'), text => text.includes('ahoy'))
  t.match(sent, /^ship .*ahoy/s)

  interface Row { accountId: string, running: boolean, lastError?: string, reconnectAttempts: number }
  const rows = async (): Promise<Row[]> => (await client.request('channels.status', {})).payload.channelAccounts.morse
  const broken = await eventually(rows, list => list.filter(({ lastError }) => lastError).length >= 2)
  t.match(broken.find(({ accountId }) => accountId === 'later'), { lastError: 'the key is stuck' })
  t.match(broken.find(({ accountId }) => accountId === 'now'), { lastError: 'there is no key' })
  t.match(broken.find(({ accountId }) => accountId === 'default'), { running: true, reconnectAttempts: 0 })
  t.equal((await call('still there', '2')).status, 202)
  await eventually(async () => readFileSync(out, 'utf8'), text => text.includes('still there'))
  t.equal(readFileSync(out, 'utf8').match(/ahoy/g)!.length, 1)
  daemon.kill('SIGTERM')
  t.equal((await daemon.exit()).code, 0)
})
