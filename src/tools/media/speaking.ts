/** The work behind `tts`: words become a sound file in the workspace. */
import { randomUUID } from 'node:crypto'
import type { OutboundResponse } from '../../lib/outbound/outbound.ts'
import { failureOf } from '../files/failure.ts'
import { openPlace } from '../files/place.ts'
import { replaceWhole } from '../files/whole-file.ts'
import type { ToolContext, ToolResult } from '../tool.ts'
import { WebFailure } from '../web/failure.ts'
import type { MediaRoom } from './sources.ts'
import { speechSettings, type SpeechSettings } from './speech-access.ts'

export interface SpeakRequest {
  readonly text: string
  readonly voice?: string
  readonly timeoutMs?: number
}

const maxBytes = 20 * 1024 * 1024
const extensions: { readonly [format: string]: string } = { mp3: 'mp3', opus: 'opus', aac: 'aac', flac: 'flac', wav: 'wav', pcm: 'pcm' }

function soundOf ({ status, headers, bytes }: OutboundResponse, { provider }: SpeechSettings): Buffer {
  if (status === 401 || status === 403) throw new WebFailure(`The speech service "${provider}" does not take the key. Check tts.providers.${provider}.apiKey.`)
  if (status !== 200) throw new WebFailure(`The speech service "${provider}" answered ${status}; try again later, or check tts.providers.${provider}.`)
  const type = headers['content-type'] ?? ''
  if (bytes.length === 0 || /json|^text\//.test(type)) {
    throw new WebFailure(`The speech service "${provider}" answered something that is no sound; check tts.providers.${provider}.baseUrl and model.`)
  }
  return bytes
}

async function speech (room: MediaRoom, settings: SpeechSettings, request: SpeakRequest, signal: AbortSignal): Promise<Buffer> {
  const { baseUrl, apiKey, model, voice, format, extra } = settings
  const totalMs = request.timeoutMs ?? settings.timeoutMs
  const answer = await room.outbound.request({
    url: `${baseUrl}/audio/speech`,
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'audio/*', ...apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` } },
    body: JSON.stringify({ model, input: request.text, voice: request.voice ?? voice, response_format: format, ...extra }),
    rules: settings.isOwnAddress ? { ownHosts: [new URL(baseUrl).hostname] } : {},
    limits: { maxBytes, whenLarger: 'refuse', totalMs, idleMs: totalMs, maxRedirects: 0 },
    signal
  })
  return soundOf(answer, settings)
}

async function keep (room: MediaRoom, bytes: Buffer, format: string, context: ToolContext): Promise<{ shown: string, path: string }> {
  const stamp = new Date(room.now()).toISOString().replace(/[-:]|\..*$/g, '')
  const name = `media/tts-${stamp}-${randomUUID().slice(0, 8)}.${extensions[format] ?? 'audio'}`
  try {
    const place = await openPlace(await room.files.view(context), name, { use: 'write', makes: true })
    await replaceWhole(place, bytes, undefined).finally(place.close)
    return { shown: name, path: place.shown }
  } catch (error) {
    throw failureOf(error, name)
  }
}

export async function speak (room: MediaRoom, request: SpeakRequest, context: ToolContext): Promise<ToolResult> {
  const settings = await speechSettings(room.config())
  const { provider, model, voice, format, maxTextLength } = settings
  if (request.text.trim() === '') throw new WebFailure('There is nothing to say: "text" is empty.')
  if (request.text.length > maxTextLength) {
    throw new WebFailure(`The text has ${request.text.length} characters; at most ${maxTextLength} are spoken at once (tts.maxTextLength). Shorten it.`)
  }
  const bytes = await speech(room, settings, request, context.signal)
  const { shown, path } = await keep(room, bytes, format, context)
  return {
    content: [{ type: 'text', text: `Speech saved as ${shown} (${format}, ${bytes.length} bytes).` }],
    details: {
      ok: true,
      audioPath: path,
      provider,
      model,
      voice: request.voice ?? voice,
      format,
      bytes: bytes.length,
      media: { mediaUrl: path }
    }
  }
}
