/** A gateway as the heads of the recipes ask for it, in front of a model server. */
import t, { type Test } from 'tap'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { createHome, daemonToken, serve, type Daemon } from '../process/daemon.ts'
import { ask, missingProxy, proxyNames, type Answer, type Proxy, type ProxyName, type Site } from './proxies.ts'

export const bearer = { authorization: `Bearer ${daemonToken}` }
export const auth = { token: daemonToken }

export interface Scene {
  readonly daemon: Daemon
  readonly vendor: Awaited<ReturnType<typeof startOpenAi>>
}

export async function startGateway (t: Test, { host, path }: Site, gateway: object = {}): Promise<Scene> {
  const vendor = await startOpenAi()
  t.teardown(async () => await vendor.close())
  const home = createHome(t, {
    gateway: {
      mode: 'local',
      auth: { mode: 'token', token: daemonToken },
      trustedProxies: ['127.0.0.1'],
      publicOrigin: `https://${host}`,
      controlUi: { allowedOrigins: [`https://${host}`], basePath: path },
      http: { endpoints: { chatCompletions: { enabled: true } } },
      ...gateway
    },
    models: { providers: { box: { baseUrl: `${vendor.url}/v1`, apiKey: goodKey, models: [{ id: 'm', contextWindow: 100_000, maxTokens: 4096 }] } } },
    agents: { defaults: { model: { primary: 'box/m' }, skipBootstrap: true } }
  })
  return { daemon: await serve(t, { home }), vendor }
}

export const forEachProxy = (title: string, test: (t: Test, name: ProxyName) => Promise<void>): void => {
  for (const name of proxyNames) t.test(`${name}: ${title}`, { skip: missingProxy(name) }, t => test(t, name))
}

/** A stream that never ends, until its first piece is there. */
export const firstPiece = ({ vendor }: Scene, proxy: Proxy, site: Site): Promise<Answer> => {
  vendor.script = { text: ['first', ' second', ' third'], hangAfter: 2 }
  return ask(proxy, site, '/v1/chat/completions', {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openclaw', stream: true, messages: [{ role: 'user', content: 'go on' }] }),
    until: text => text.includes('first')
  })
}
