import { setTimeout as pause } from 'node:timers/promises'
import type OpenAI from 'openai'

export type ResponseEvent = OpenAI.Responses.ResponseStreamEvent

export async function settledResponse (client: OpenAI, id: string): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const response = await client.responses.retrieve(id)
    if (response.status !== 'queued' && response.status !== 'in_progress') return response
    await pause(20)
  }
}

export async function allEvents (stream: AsyncIterable<ResponseEvent>): Promise<ResponseEvent[]> {
  const events: ResponseEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}
