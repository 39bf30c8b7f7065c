/** A model that repeats what it was asked, and says no more than its first word to whoever says "hold" until a test lets it go on. */
import { chunkOf, eventOf, startRaw } from '../fixtures/providers/openai-server.ts'
import { eventually } from '../fixtures/eventually.ts'

interface Message {
  readonly role: string
  readonly content: string | ReadonlyArray<{ readonly text?: string }>
}

export interface HeldModel {
  /** For a gateway that asks it. */
  readonly config: { readonly models: object, readonly agents: { readonly defaults: object } }
  /** When so many wait, they are answered. */
  release (count?: number): Promise<void>
  /** Nobody waits from now on. */
  holdNobody (): void
}

const textOf = ({ content }: Message): string => typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('')

export async function startHeldModel (t: { teardown (fn: () => unknown): unknown }): Promise<HeldModel> {
  const waiting = new Set<() => void>()
  let holds = true
  const server = await startRaw(async response => {
    const messages = server.bodies.at(-1).messages as Message[]
    const asked = messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1).filter(({ role }) => role === 'user').map(textOf)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(eventOf(chunkOf({ content: 'Said: ' })))
    if (holds && asked.at(-1)?.includes('hold')) {
      await new Promise<void>(resolve => {
        waiting.add(resolve)
        response.on('close', () => { waiting.delete(resolve) })
      })
    }
    const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 }
    response.end(eventOf(chunkOf({ content: asked.join('\n') })) + eventOf(chunkOf({}, 'stop', { usage })) + eventOf('[DONE]'))
  })
  t.teardown(() => server.close())
  const go = (): void => {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }
  return {
    config: {
      models: { providers: { held: { baseUrl: server.url, apiKey: 'key-of-the-held-model', models: [{ id: 'm' }] } } },
      agents: { defaults: { model: 'held/m' } }
    },
    async release (count = 1) {
      await eventually(() => waiting.size, size => size >= count)
      go()
    },
    holdNobody () {
      holds = false
      go()
    }
  }
}
