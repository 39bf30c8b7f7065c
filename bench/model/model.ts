/** The bench's side of the model server. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Children } from '../children.ts'
import type { Endpoint } from '../wire/socket.ts'

export interface ModelServer {
  readonly endpoint: Endpoint
  stop: () => Promise<void>
}

/** Which model a gateway uses for everything. */
export interface ModelWish {
  readonly endpoint: Endpoint
  /** `zero` answers at once, `slow-<ms>` after a while. */
  readonly id: string
}

const entry = fileURLToPath(new URL('server.ts', import.meta.url))

export async function startModel (children: Children): Promise<ModelServer> {
  const child = children.spawn(process.execPath, [entry], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout!, 'data') as [Buffer]
  return { endpoint: { host: '127.0.0.1', port: Number(line.toString().replace('ready ', '')) }, stop: () => children.stop(child) }
}

export const modelUrl = ({ host, port }: Endpoint): string => `http://${host}:${port}/v1`

/** The sections of a configuration that make every agent use it, as every gateway of this kind reads them. */
export const modelSections = ({ endpoint, id }: ModelWish) => ({
  models: {
    providers: {
      bench: {
        baseUrl: modelUrl(endpoint),
        apiKey: 'bench-key',
        api: 'openai-completions',
        models: [{
          id,
          name: id,
          reasoning: false,
          input: ['text'],
          cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
          contextWindow: 128_000,
          maxTokens: 4_096
        }]
      }
    }
  },
  agents: { defaults: { model: { primary: `bench/${id}` } } }
})
