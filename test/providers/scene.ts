/** A providers room on a configuration, with clocks that the test moves. */
import type { LoadedConfig } from '../../src/config/load.ts'
import { validateConfig } from '../../src/config/validate.ts'
import type { Logger } from '../../src/log/logger.ts'
import type { Message } from '../../src/protocol/transcript.ts'
import type { ModelInfo, Models, StepEvent, StepRequest } from '../../src/providers/model.ts'
import { createModels, type ModelsOptions } from '../../src/providers/models.ts'

export interface Scene {
  readonly models: Models
  /** What was slept, in milliseconds; sleeping moves the clock. */
  readonly slept: number[]
  /** Fields of what was logged. */
  readonly logged: object[]
  readonly clock: { nowMs: number }
  configure (source: unknown, env?: { [name: string]: string }): void
}

export function loadedFrom (source: unknown, env: { [name: string]: string } = {}): LoadedConfig {
  const { config } = validateConfig(source)
  return {
    path: '/nowhere/openclaw.json',
    exists: true,
    raw: undefined,
    parsed: source,
    source,
    config,
    issues: [],
    warnings: [],
    includedPaths: [],
    hash: undefined,
    env,
    originOf: steps => ({ file: '', steps: [...steps] })
  } as LoadedConfig
}

export function createScene (source: unknown = {}, env: { [name: string]: string } = {}, more: Partial<ModelsOptions> = {}): Scene {
  let loaded = loadedFrom(source, env)
  const clock = { nowMs: 1_000_000 }
  const slept: number[] = []
  const logged: object[] = []
  const record = (fields: object): void => { logged.push(fields) }
  const log = { trace: record, debug: record, info: record, warn: record, error: record, fatal: record } as unknown as Logger
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms)
    clock.nowMs += ms
  }
  const models = createModels({ config: () => loaded, now: () => clock.nowMs, log, sleep, random: () => 1, ...more })
  return { models, slept, logged, clock, configure: (next, nextEnv = env) => { loaded = loadedFrom(next, nextEnv) } }
}

export const user = (content: string): Message => ({ role: 'user', content, timestamp: 1 })

export const request = (messages: readonly Message[] | string, more: Partial<StepRequest> = {}): StepRequest => ({
  system: 'You are kind.',
  messages: typeof messages === 'string' ? [user(messages)] : messages,
  tools: [],
  signal: new AbortController().signal,
  ...more
})

export interface Heard {
  readonly events: StepEvent[]
  readonly tell: (event: StepEvent) => void
  text (): string
}

export function listener (): Heard {
  const events: StepEvent[] = []
  return {
    events,
    tell: event => { events.push(event) },
    text: () => events.map(event => event.type === 'text' ? event.delta : '').join('')
  }
}

export const refOf = ({ provider, id }: ModelInfo): string => `${provider}/${id}`
