/** Whether channels make the start of a gateway slower: they begin when it is ready, so that they should not. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { median } from '../statistics.ts'
import { createSigner } from '../wire/identity.ts'
import type { Target } from '../targets/target.ts'
import type { DeviceIdentity } from '../wire/identity.ts'
import { untilHealthy, untilHello } from './ready.ts'
import type { Figure, Scenario } from './scenario.ts'

const accounts = 10
/** Starts of each kind in one round, in turn. */
const pairs = 5

/** A Bot API on which nobody ever writes. */
async function withQuietService<T> (body: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    // A poll that brings nothing does not come back.
    if (/\/getUpdates/i.test(request.url!)) return
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"Bench","username":"bench_bot"}}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const sectionsFor = (apiRoot: string): object => ({
  telegram: {
    apiRoot,
    accounts: Object.fromEntries(Array.from({ length: accounts }, (_, index) => [`bot-${index}`, { botToken: `${100 + index}:bench-token` }]))
  }
})

interface Start { readonly healthMs: number, readonly helloMs: number }

async function startOnce (target: Target, identity: DeviceIdentity, channels?: object): Promise<Start> {
  const startedAt = performance.now()
  const spawned = await target.spawn(channels ? { channels } : {})
  const since = async (ready: Promise<void>): Promise<number> => {
    await ready
    return performance.now() - startedAt
  }
  try {
    const [healthMs, helloMs] = await Promise.all([since(untilHealthy(spawned)), since(untilHello(spawned, createSigner(identity)))])
    return { healthMs, helloMs }
  } finally {
    await spawned.stop()
  }
}

export const channelStart: Scenario = {
  name: 'channel-start',
  ceiling: 'ceiling',
  async run (target, { identities, scale }) {
    if (target.name !== 'ours') return []
    return await withQuietService(async url => {
      const none: Start[] = []
      const ten: Start[] = []
      for (let pair = 0; pair < Math.max(1, Math.round(pairs * scale)); pair++) {
        none.push(await startOnce(target, identities[0]!))
        ten.push(await startOnce(target, identities[0]!, sectionsFor(url)))
      }
      return figures(none, ten)
    })
  }
}

function figures (none: readonly Start[], ten: readonly Start[]): Figure[] {
  const of = (starts: readonly Start[], what: keyof Start): number => median(starts.map(start => start[what]))
  const ratio = (what: keyof Start): number => of(ten, what) / of(none, what)
  return [
    { key: 'spawn to first hello-ok, no channel', value: of(none, 'helloMs'), unit: 'ms', better: 'less', detail: true },
    { key: `spawn to first hello-ok, ${accounts} accounts`, value: of(ten, 'helloMs'), unit: 'ms', better: 'less', detail: true },
    { key: `hello-ok with ${accounts} accounts / with none`, value: ratio('helloMs'), unit: '', better: 'less', wanted: { value: 1.1 } },
    { key: `/health 200 with ${accounts} accounts / with none`, value: ratio('healthMs'), unit: '', better: 'less', wanted: { value: 1.1 } }
  ]
}
