/** What is said in a voice message, as text: by the first of the models or programs of `tools.media.audio` that can tell. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import type { SecretInput } from '../../config/schema.ts'
import { createSecretResolver } from '../../config/secrets.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { rowOf, type Row } from './speech-access.ts'

export interface HearingSources {
  readonly config: () => LoadedConfig
  readonly outbound: Outbound
  /** Why one of them could not tell. */
  readonly warn: (error: unknown, by: string) => void
}

export interface Sound {
  readonly bytes: Uint8Array
  readonly mimeType: string
  readonly name: string
}

/** Undefined: nobody is configured to listen, or nobody could. Never rejects. */
export type Hear = (sound: Sound, signal: AbortSignal) => Promise<string | undefined>

interface Known {
  readonly baseUrl: string
  readonly keyName: string
  readonly model: string
}

const services: { readonly [id: string]: Known } = {
  openai: { baseUrl: 'https://api.openai.com/v1', keyName: 'OPENAI_API_KEY', model: 'gpt-4o-mini-transcribe' },
  groq: { baseUrl: 'https://api.groq.com/openai/v1', keyName: 'GROQ_API_KEY', model: 'whisper-large-v3-turbo' }
}

const usualBytes = 20 * 1024 * 1024
const usualSeconds = 60
const longestSeconds = 120
const longestText = 20_000
const maxEntries = 5

const textOf = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
const positive = (value: unknown, usual: number): number => typeof value === 'number' && value > 0 ? value : usual

/** Those that are named; switched on without a name, the first service that there is a key for. */
function entriesOf (audio: Row, { config, env }: LoadedConfig): readonly Row[] {
  if (audio['enabled'] === false) return []
  if (Array.isArray(audio['models'])) return audio['models'].map(rowOf).slice(0, maxEntries)
  if (audio['enabled'] !== true) return []
  const known = Object.keys(services).find(id => env[services[id]!.keyName] || config.models.providers[id]?.apiKey !== undefined)
  return known === undefined ? [] : [{ provider: known }]
}

const isCli = ({ type, command }: Row): boolean => type === 'cli' || (type === undefined && command !== undefined)
const nameOf = (entry: Row): string => String(isCli(entry) ? entry['command'] : entry['provider'] ?? 'tools.media.audio.models')

async function keyOf (given: unknown, loaded: LoadedConfig, provider: string): Promise<string | undefined> {
  if (given === undefined) return undefined
  const { value, error } = await createSecretResolver(loaded).resolve(given as SecretInput)
  if (error !== undefined) throw new Error(`the key of ${provider} cannot be had: ${error}`)
  return value
}

interface Asked {
  readonly entry: Row
  /** What holds for all of them. */
  readonly audio: Row
  readonly sound: Sound
  readonly signal: AbortSignal
}

async function byService ({ entry, audio, sound, signal }: Asked, { config, outbound }: HearingSources): Promise<string> {
  const loaded = config()
  const provider = textOf(entry['provider']) ?? ''
  const known = Object.hasOwn(services, provider) ? services[provider] : undefined
  const { baseUrl: modelsUrl, apiKey: modelsKey } = loaded.config.models.providers[provider] ?? {}
  const ownUrl = textOf(entry['baseUrl']) ?? modelsUrl
  const baseUrl = (ownUrl ?? known?.baseUrl)?.replace(/\/+$/, '')
  if (baseUrl === undefined) throw new Error(`"${provider}" is no service that is known here: give it a baseUrl`)
  const apiKey = await keyOf(entry['apiKey'] ?? modelsKey, loaded, provider) ?? (known && loaded.env[known.keyName])
  const form = new FormData()
  form.set('model', textOf(entry['model']) ?? known?.model ?? 'whisper-1')
  for (const field of ['language', 'prompt']) {
    const value = textOf(entry[field] ?? audio[field])
    if (value !== undefined) form.set(field, value)
  }
  form.set('file', new Blob([new Uint8Array(sound.bytes)], { type: sound.mimeType }), sound.name)
  const body = new Response(form)
  const { status, bytes } = await outbound.request({
    url: `${baseUrl}/audio/transcriptions`,
    method: 'POST',
    headers: { 'content-type': body.headers.get('content-type')!, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
    body: new Uint8Array(await body.arrayBuffer()),
    rules: ownUrl === undefined ? {} : { ownHosts: [new URL(baseUrl).hostname] },
    limits: { maxBytes: 1_048_576, whenLarger: 'refuse', totalMs: longestSeconds * 1000, idleMs: longestSeconds * 1000, maxRedirects: 0 },
    signal
  })
  if (status !== 200) throw new Error(`${provider} answered ${status}`)
  const { text } = JSON.parse(bytes.toString()) as { text?: unknown }
  if (typeof text !== 'string') throw new Error(`${provider} answered something that is no transcript`)
  return text
}

/** The program is the operator's own; it gets the sound as a file, and says on its output what it heard. */
async function byProgram ({ entry: { command, args }, sound, signal }: Asked, { config }: HearingSources): Promise<string> {
  const { bytes, name } = sound
  const directory = await mkdtemp(join(tmpdir(), 'openclaw-audio-'))
  try {
    const path = join(directory, `voice${/\.\w{1,8}$/.exec(name)?.[0] ?? '.ogg'}`)
    await writeFile(path, bytes, { mode: 0o600 })
    const filled = (word: unknown): string => String(word).replaceAll('{{MediaPath}}', path).replaceAll('{{OutputDir}}', directory)
    const words = (Array.isArray(args) ? args : ['{{MediaPath}}']).map(filled)
    const { PATH, HOME, TMPDIR, LANG } = config().env
    const env = Object.fromEntries(Object.entries({ PATH, HOME, TMPDIR, LANG }).filter(([, value]) => value !== undefined))
    return await new Promise((resolve, reject) => {
      execFile(String(command), words, { cwd: directory, env, signal, maxBuffer: 1_048_576, killSignal: 'SIGKILL', windowsHide: true },
        (error, stdout) => error ? reject(new Error(`it ended without a transcript (${error.code ?? error.message})`)) : resolve(stdout))
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export function createHearing (sources: HearingSources): Hear {
  return async function hear (sound, signal) {
    const loaded = sources.config()
    const audio = rowOf(loaded.config.tools.media.audio)
    for (const entry of entriesOf(audio, loaded)) {
      try {
        const most = positive(entry['maxBytes'] ?? audio['maxBytes'], usualBytes)
        if (sound.bytes.length > most) throw new Error(`it has ${sound.bytes.length} bytes, and ${most} are heard`)
        const seconds = Math.min(positive(entry['timeoutSeconds'] ?? audio['timeoutSeconds'], usualSeconds), longestSeconds)
        const asked: Asked = { entry, audio, sound, signal: AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]) }
        const text = (await (isCli(entry) ? byProgram : byService)(asked, sources)).trim()
        if (text !== '') return text.slice(0, longestText)
      } catch (error) {
        sources.warn(error, nameOf(entry))
      }
    }
    return undefined
  }
}
