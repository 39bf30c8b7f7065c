/** Which speech service, with which voice, key and address: as `tts` and `models.providers` say. */
import type { LoadedConfig } from '../../config/load.ts'
import type { SecretInput } from '../../config/schema.ts'
import { createSecretResolver } from '../../config/secrets.ts'
import { isHttpAddress } from '../../lib/http-address.ts'
import { WebFailure } from '../web/failure.ts'

export interface SpeechSettings {
  readonly provider: string
  /** Without a final slash. */
  readonly baseUrl: string
  /** Whoever runs the gateway chose the address, which may be in their own network. */
  readonly isOwnAddress: boolean
  readonly apiKey: string | undefined
  readonly model: string
  readonly voice: string
  readonly format: string
  /** Further fields of the request. */
  readonly extra: { readonly [field: string]: unknown }
  readonly maxTextLength: number
  readonly timeoutMs: number
}

interface Known {
  readonly baseUrl: string
  readonly keyName: string
  readonly addressName?: string
  readonly model: string
  readonly voice: string
}

const knownServices: { readonly [id: string]: Known } = {
  openai: {
    baseUrl: 'https://api.openai.com/v1', keyName: 'OPENAI_API_KEY', addressName: 'OPENAI_TTS_BASE_URL', model: 'gpt-4o-mini-tts', voice: 'coral'
  },
  openrouter: { baseUrl: 'https://openrouter.ai/api/v1', keyName: 'OPENROUTER_API_KEY', model: 'hexgrad/kokoro-82m', voice: 'af_alloy' }
}

/** They speak formats of their own. */
const others = new Set([
  'azure', 'azure-speech', 'elevenlabs', 'fish-audio', 'google', 'gradium', 'inworld', 'local-cli', 'tts-local-cli', 'microsoft', 'edge', 'minimax',
  'volcengine', 'xai', 'xiaomi'
])

export type Row = { readonly [field: string]: unknown }

export const rowOf = (value: unknown): Row => typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Row : {}
const textOf = (...values: unknown[]): string | undefined => values.find((value): value is string => typeof value === 'string' && value.trim() !== '')?.trim()
const numberOf = (value: unknown, fallback: number): number => typeof value === 'number' && value > 0 ? Math.min(value, 600_000) : fallback

const advice = 'Set tts.provider to "openai" (or another id) and tts.providers.<id> with apiKey, baseUrl, model and speakerVoice, ' +
  'or OPENAI_API_KEY in the environment of the gateway.'

function chosenProvider (tts: Row, { config, env }: LoadedConfig): string {
  const wanted = textOf(tts.provider)
  if (wanted !== undefined) return wanted.toLowerCase()
  const configured = Object.keys(rowOf(tts.providers)).find(id => !others.has(id))
  if (configured !== undefined) return configured
  const known = Object.keys(knownServices).find(id => env[knownServices[id]!.keyName] || config.models.providers[id]?.apiKey !== undefined)
  if (known !== undefined) return known
  throw new WebFailure(`No speech service is configured. ${advice}`)
}

async function keyOf (given: unknown, name: string | undefined, provider: string, loaded: LoadedConfig): Promise<string | undefined> {
  if (given === undefined || given === null) return name === undefined ? undefined : loaded.env[name]
  const { value, error } = await createSecretResolver(loaded).resolve(given as SecretInput)
  if (value !== undefined && value !== '') return value
  throw new WebFailure(`The key of the speech service "${provider}" cannot be had (${error ?? 'it is empty'}): see tts.providers.${provider}.apiKey.`)
}

const unsafeFields = new Set(['__proto__', 'constructor', 'prototype', 'input'])

function extraOf (own: Row): Row {
  const { instructions, speed, extraBody, extra_body: extraBodyToo } = own
  const further = Object.entries({ ...rowOf(extraBodyToo), ...rowOf(extraBody) }).filter(([field]) => !unsafeFields.has(field))
  return { ...textOf(instructions) ? { instructions } : {}, ...typeof speed === 'number' ? { speed } : {}, ...Object.fromEntries(further) }
}

export async function speechSettings (loaded: LoadedConfig): Promise<SpeechSettings> {
  const { config, env } = loaded
  const tts = rowOf((config as { tts?: unknown }).tts)
  const provider = chosenProvider(tts, loaded)
  const own = rowOf(rowOf(tts.providers)[provider])
  const known = Object.hasOwn(knownServices, provider) ? knownServices[provider] : undefined
  const { baseUrl: modelsUrl, apiKey: modelsKey } = config.models.providers[provider] ?? {}
  const ownUrl = textOf(own.baseUrl, known?.addressName === undefined ? undefined : env[known.addressName], modelsUrl)
  const baseUrl = (ownUrl ?? known?.baseUrl)?.replace(/\/+$/, '')
  if (others.has(provider) && ownUrl === undefined) {
    throw new WebFailure(`The speech service "${provider}" does not speak the format of OpenAI, and no other one is understood here. ${advice}`)
  }
  if (baseUrl === undefined || !isHttpAddress(baseUrl)) {
    throw new WebFailure(`The speech service "${provider}" has no http or https address: set tts.providers.${provider}.baseUrl.`)
  }
  const apiKey = await keyOf(own.apiKey ?? modelsKey, known?.keyName, provider, loaded)
  if (apiKey === undefined && ownUrl === undefined) {
    throw new WebFailure(`The speech service "${provider}" has no key: set tts.providers.${provider}.apiKey or ${known!.keyName}.`)
  }
  return {
    provider,
    baseUrl,
    isOwnAddress: ownUrl !== undefined,
    apiKey,
    model: textOf(own.model, own.modelId) ?? known?.model ?? 'tts-1',
    voice: textOf(own.speakerVoice, own.voice, own.speakerVoiceId, own.voiceId) ?? known?.voice ?? 'alloy',
    format: textOf(own.responseFormat) ?? 'mp3',
    extra: extraOf(own),
    maxTextLength: numberOf(tts.maxTextLength, 4096),
    timeoutMs: numberOf(tts.timeoutMs, 30_000)
  }
}
