/**
 * What a turn costs at least: the message and the reply in a file, each on the disk before it is told; one streamed call to the model;
 * the frames that the target sends in a turn, serialised once each. No sessions, no queue, no claims, no history, no recovery.
 */
import { fdatasync, openSync, write } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import type { TurnFrames } from './profile.ts'
import type { Durability } from './targets/target.ts'

export interface CeilingTurns {
  readonly modelUrl: string
  readonly modelId: string
  readonly journalPath: string
  readonly durability: Durability
  readonly frames: TurnFrames
  /** To every client. */
  readonly broadcast: (event: object) => void
}

interface Journal {
  append: (line: object) => Promise<void>
}

/** Appends in groups: whatever arrives while the disk is busy is written together and made durable once. */
function createJournal (path: string, durability: Durability): Journal {
  if (durability === 'none') return { append: async () => {} }
  const file = openSync(path, 'a', 0o600)
  let waiting: { text: string, done: () => void, failed: (error: Error) => void }[] = []
  let busy = false
  const flush = (): void => {
    const group = waiting
    waiting = []
    busy = true
    const end = (error?: Error | null): void => {
      for (const { done, failed } of group) error ? failed(error) : done()
      busy = false
      if (waiting.length > 0) flush()
    }
    write(file, group.map(({ text }) => text).join(''), error => {
      if (error || durability === 'process') end(error)
      else fdatasync(file, end)
    })
  }
  return {
    append: line => new Promise((resolve, reject) => {
      waiting.push({ text: `${JSON.stringify(line)}\n`, done: resolve, failed: reject })
      if (!busy) flush()
    })
  }
}

export interface Turn {
  readonly runId: string
  readonly message: string
  readonly acknowledge: () => void
  /** After the last event. */
  readonly end: (text: string) => void
}

type Event = TurnFrames['before'][number]

const ofRun = (event: Event, runId: string): object => ({ ...event, payload: { ...event.payload, runId } })

/** The text of the streamed chunks, parsed as any client of a model must. */
function textOf (stream: string): string {
  let text = ''
  for (const line of stream.split('\n')) {
    if (!line.startsWith('data: {')) continue
    const { choices } = JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] }
    text += choices[0]?.delta.content ?? ''
  }
  return text
}

export function createTurns ({ modelUrl, modelId, journalPath, durability, frames, broadcast }: CeilingTurns) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const journal = createJournal(journalPath, durability)

  const ask = (message: string, onFirst: () => void): Promise<string> => new Promise((resolve, reject) => {
    const body = JSON.stringify({ model: modelId, stream: true, messages: [{ role: 'user', content: message }] })
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const call = httpRequest(modelUrl, { agent, method: 'POST', headers }, response => {
      let stream = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        if (stream === '') onFirst()
        stream += part
      })
      response.on('end', () => resolve(textOf(stream)))
    })
    call.on('error', reject)
    call.end(body)
  })

  return async ({ runId, message, acknowledge, end }: Turn): Promise<void> => {
    await journal.append({ runId, role: 'user', content: message, timestamp: Date.now() })
    acknowledge()
    for (const event of frames.before) broadcast(ofRun(event, runId))
    const text = await ask(message, () => { for (const event of frames.streamed) broadcast(ofRun(event, runId)) })
    await journal.append({ runId, role: 'assistant', content: text, timestamp: Date.now() })
    for (const event of frames.after) broadcast(ofRun(event, runId))
    end(text)
  }
}
