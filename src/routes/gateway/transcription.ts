/** Speech as words, by the service that `tools.media.audio` names and by no other. */
import type { LoadedConfig } from '../../config/load.ts'
import { createSecretResolver } from '../../config/secrets.ts'
import type { SecretInput } from '../../config/schema.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import { knownProvider } from '../../providers/known-providers.ts'
import { isObject, type Json } from './fields.ts'

export interface Transcriber {
  /** Rejects with TranscriptionFailure. */
  transcribe (sound: { bytes: Buffer, format: string }, signal: AbortSignal): Promise<string>
}

/** Its message is for whoever sent the sound. */
export class TranscriptionFailure extends Error {}

const timeoutMs = 45_000
const maxAnswerBytes = 1024 * 1024
const types: { readonly [format: string]: string } = { wav: 'audio/wav', mp3: 'audio/mpeg' }

const textOf = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
const listOf = (value: unknown): Json[] => Array.isArray(value) ? value.filter(isObject) : []

interface Chosen { readonly provider: string, readonly model: string, readonly own: Json }

function chosenModel ({ config }: LoadedConfig): Chosen | undefined {
  const { media } = config.tools
  const audio = isObject(media.audio) ? media.audio : {}
  if (audio.enabled === false) return undefined
  const able = listOf(media.models).filter(({ capabilities }) => Array.isArray(capabilities) && capabilities.includes('audio'))
  const own = [...listOf(audio.models), ...able, audio]
    .find(({ provider, model }) => textOf(provider) !== undefined && textOf(model) !== undefined)
  return own && { provider: textOf(own.provider)!.toLowerCase(), model: textOf(own.model)!, own: { ...audio, ...own } }
}

/** Undefined when no service is configured. */
export function createTranscriber (loaded: LoadedConfig, outbound: Outbound): Transcriber | undefined {
  const chosen = chosenModel(loaded)
  if (!chosen) return undefined
  const { provider, model, own } = chosen
  const configured = loaded.config.models.providers[provider]
  const known = knownProvider(provider)
  const ownUrl = textOf(own.baseUrl) ?? configured?.baseUrl
  const baseUrl = (ownUrl ?? known?.baseUrl)?.replace(/\/+$/, '')
  if (baseUrl === undefined || URL.parse(baseUrl) === null) return undefined

  async function keyOf (): Promise<string | undefined> {
    const given = (own.apiKey ?? configured?.apiKey) as SecretInput | undefined
    if (given === undefined) return known?.keyNames.map(name => loaded.env[name]).find(Boolean)
    return (await createSecretResolver(loaded).resolve(given)).value
  }

  async function bodyOf (bytes: Buffer, format: string): Promise<{ body: Buffer, type: string }> {
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(bytes)], { type: types[format] ?? 'application/octet-stream' }), `audio.${format}`)
    form.set('model', model)
    form.set('response_format', 'json')
    const language = textOf(own.language)
    if (language !== undefined) form.set('language', language)
    const encoded = new Response(form)
    return { body: Buffer.from(await encoded.arrayBuffer()), type: encoded.headers.get('content-type')! }
  }

  return {
    async transcribe ({ bytes, format }, signal) {
      const [{ body, type }, apiKey] = await Promise.all([bodyOf(bytes, format), keyOf()])
      const answer = await outbound.request({
        url: `${baseUrl}/audio/transcriptions`,
        method: 'POST',
        headers: { 'content-type': type, accept: 'application/json', ...apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` } },
        body,
        rules: ownUrl === undefined ? {} : { ownHosts: [new URL(baseUrl).hostname] },
        limits: { maxBytes: maxAnswerBytes, whenLarger: 'refuse', totalMs: timeoutMs, idleMs: timeoutMs, maxRedirects: 0 },
        signal
      }).catch((error: unknown) => {
        throw error instanceof OutboundError && !signal.aborted ? new TranscriptionFailure(`audio cannot be transcribed now: ${error.message}`) : error
      })
      const failed = new TranscriptionFailure(`audio cannot be transcribed now: ${provider} answered ${answer.status}`)
      if (answer.status !== 200) throw failed
      try {
        const { text } = JSON.parse(answer.bytes.toString()) as { text?: unknown }
        if (typeof text === 'string') return text.trim()
      } catch {
        // No JSON is no transcript.
      }
      throw failed
    }
  }
}
