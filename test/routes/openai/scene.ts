/** A whole gateway in front of a model server that speaks byte for byte like OpenAI, and the clients that programs use. */
import OpenAI from 'openai'
import { startOpenAi } from '../../fixtures/providers/openai-server.ts'
import { goodKey, type VendorServer } from '../../fixtures/providers/vendor-server.ts'
import { startGateway, testToken, type TestGateway, type TestGatewayOptions } from '../../helper.ts'

export interface OpenAiScene extends TestGateway {
  readonly vendor: VendorServer
  readonly client: OpenAI
  post (path: string, body: unknown, headers?: { readonly [name: string]: string }): Promise<Response>
}

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

type Config = { [section: string]: unknown }

export async function startScene (t: Test, config: Config = {}, options: Omit<TestGatewayOptions, 'config'> = {}): Promise<OpenAiScene> {
  const vendor = await startOpenAi()
  t.teardown(async () => await vendor.close())
  const gateway = await startGateway(t, {
    ...options,
    config: {
      ...config,
      gateway: { http: { endpoints: { chatCompletions: { enabled: true } } }, ...config.gateway as object },
      models: {
        providers: {
          box: {
            baseUrl: `${vendor.url}/v1`,
            apiKey: goodKey,
            models: [
              { id: 'm', name: 'm', contextWindow: 100_000, maxTokens: 4096, input: ['text', 'image'] },
              { id: 'other', contextWindow: 1000, maxTokens: 100 },
              { id: 'embedder' }
            ]
          }
        }
      },
      agents: { defaults: { model: { primary: 'box/m' }, skipBootstrap: true }, ...config.agents as object }
    }
  })
  const post: OpenAiScene['post'] = async (path, body, headers = {}) => await fetch(`${gateway.http}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  return { ...gateway, vendor, post, client: new OpenAI({ apiKey: testToken, baseURL: `${gateway.http}/v1`, maxRetries: 0 }) }
}

/** The n-th answer for the n-th request from now on, the last one for all that follow. */
export function inTurn (vendor: VendorServer, ...scripts: ReadonlyArray<VendorServer['script']>): void {
  const begin = vendor.requests.length
  Object.defineProperty(vendor, 'script', {
    configurable: true,
    get: () => scripts[Math.min(vendor.requests.length - begin, scripts.length) - 1] ?? {}
  })
}
