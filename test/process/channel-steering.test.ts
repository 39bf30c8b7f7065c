import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { alice, appToken, botToken, direct, self } from '../fixtures/channels/slack-people.ts'
import { startSlack, type SlackServer } from '../fixtures/channels/slack-server.ts'
import { admitted, type TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, serve, stop, type Daemon, type Home } from './daemon.ts'

const kills = 2

const configOf = (server: SlackServer, mode: string): object => ({
  // Killed again and again, it would hold its channels back.
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, crashLoop: { maxUncleanStarts: 0 } },
  commands: { ownerAllowFrom: [`slack:${alice.id}`] },
  messages: { queue: { mode }, outputFilters: [{ pattern: '^Echo, a demonstration \\(no model is configured\\): ', replace: '' }] },
  channels: { slack: { botToken, appToken, apiRoot: server.url, streaming: 'off', dmPolicy: 'allowlist', allowFrom: [alice.id] } }
})

/** Slack brings again what it heard nothing about, each time that the socket is open again. */
async function begin (test: Test, home: Home, server: SlackServer): Promise<Daemon> {
  const opened = server.opened()
  const daemon = await serve(test, { home })
  await eventually(async () => server.opened() > opened && server.sockets.length === 1, Boolean, 20_000)
  server.tellAgain()
  return daemon
}

const numbersIn = (texts: readonly string[]): string[] => texts.join('\n').match(/m-\d+\./g) ?? []

const textOf = ({ content }: any): string => typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('')

async function heardBy (client: TestClient): Promise<string[]> {
  const { payload: { messages } } = await client.request('chat.history', { sessionKey: 'main', limit: 1000 }) as any
  return messages.filter(({ role }: any) => role === 'user').map(textOf)
}

for (const mode of ['steer', 'collect']) {
  t.test(`what is written while the agent speaks is heard and answered once, also by a gateway that is killed (${mode})`, { timeout: 120_000 }, async t => {
    const server = await startSlack(t)
    const home = createHome(t, configOf(server, mode), mode)
    let written = 0
    const write = (): void => { server.write({ text: `/slow 10\nm-${written++}. is said` }) }
    for (let count = 0; count < kills; count++) {
      const daemon = await begin(t, home, server)
      for (let more = 0; more < 6; more++) {
        write()
        await sleep(Math.random() * 40)
      }
      await sleep(Math.random() * 300)
      daemon.kill('SIGKILL')
      await daemon.exit()
    }
    const daemon = await begin(t, home, server)
    write()
    const isAnswer = ({ user, channel }: any): boolean => user === self.userId && channel === direct
    const answers = (): string[] => server.messages.filter(isAnswer).map(({ text }: any) => text)
    const texts = Array.from({ length: written }, (_, number) => `m-${number}.`)
    await eventually(async () => new Set(numbersIn(answers())).size, count => count === written, 30_000)
    const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
    t.same(numbersIn(await heardBy(client)).toSorted(), texts.toSorted(), 'each stands in the conversation once')
    t.same(numbersIn(answers()).toSorted(), texts.toSorted(), 'each is answered once')
    t.equal((await stop(daemon)).code, 0)
  })
}
