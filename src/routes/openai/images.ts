/** Pictures that a program sends along or names by URL: as many and as large as the configuration lets it. */
import type { LoadedConfig } from '../../config/load.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import type { ImagePart } from '../../protocol/transcript.ts'
import { invalid } from './errors.ts'

export interface ImageSettings {
  readonly allowUrl: boolean
  readonly urlAllowlist: readonly string[]
  readonly allowedMimes: readonly string[]
  readonly maxBytes: number
  readonly maxRedirects: number
  readonly timeoutMs: number
}

export interface ImageReaderOptions {
  readonly settings: ImageSettings
  /** What to name to somebody who wants more, such as `gateway.http.endpoints.chatCompletions.images`. */
  readonly setting: string
  readonly maxParts?: number
  readonly maxTotalBytes?: number
  readonly config: LoadedConfig
  readonly outbound: Outbound
  readonly signal: AbortSignal
}

export interface ImageReader {
  /** `param` is the place in the request, for refusals. */
  read (url: unknown, param: string): Promise<ImagePart>
}

const dataUrl = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,/i

const maxDataHead = 256

const bytesOfBase64 = (data: string): number => Math.floor(data.length * 3 / 4)

/** One for each request. */
export function createImageReader (options: ImageReaderOptions): ImageReader {
  const { settings, setting, maxParts, maxTotalBytes, config, outbound, signal } = options
  let parts = 0
  let total = 0

  function count (bytes: number, param: string): void {
    total += bytes
    if (bytes > settings.maxBytes) throw invalid(`The image is larger than ${settings.maxBytes} bytes (${setting}.maxBytes).`, param)
    if (total > (maxTotalBytes ?? Infinity)) throw invalid(`The images of the request together are larger than ${maxTotalBytes} bytes.`, param)
  }

  function checkType (mimeType: string, param: string): void {
    if (settings.allowedMimes.some(allowed => allowed.toLowerCase() === mimeType)) return
    throw invalid(`Images of type ${JSON.stringify(mimeType.slice(0, 64))} are not taken; send ${settings.allowedMimes.join(', ')}.`, param)
  }

  function inline (url: string, param: string): ImagePart {
    const match = dataUrl.exec(url.slice(0, maxDataHead))
    if (!match?.[3]) throw invalid('A data: URL of an image must be data:<type>;base64,<data>.', param)
    const mimeType = (match[1] ?? 'text/plain').toLowerCase()
    checkType(mimeType, param)
    const data = url.slice(match[0].length)
    count(bytesOfBase64(data), param)
    return { type: 'image', data, mimeType }
  }

  async function fetched (url: string, param: string): Promise<ImagePart> {
    if (!settings.allowUrl) {
      throw invalid(`Images are not fetched by URL: send them as data: URLs, or have ${setting}.allowUrl switched on.`, param)
    }
    const { urlAllowlist, maxBytes, timeoutMs, maxRedirects } = settings
    const { rulesOf } = await import('../../tools/web/fetch-page.ts')
    const answer = await outbound.request({
      url,
      headers: { accept: settings.allowedMimes.join(', ') },
      rules: { ...rulesOf(config.config.tools.web.fetch), ...(urlAllowlist.length > 0 ? { onlyHosts: urlAllowlist } : {}) },
      limits: { maxBytes, whenLarger: 'refuse', totalMs: timeoutMs, idleMs: timeoutMs, maxRedirects },
      signal
    }).catch((error: unknown) => {
      if (error instanceof OutboundError) throw invalid(`The image could not be fetched. ${error.message}`, param)
      throw error
    })
    if (answer.status !== 200) throw invalid(`The image could not be fetched: its server answered ${answer.status}.`, param)
    const mimeType = (answer.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
    checkType(mimeType, param)
    count(answer.bytes.length, param)
    return { type: 'image', data: answer.bytes.toString('base64'), mimeType }
  }

  return {
    async read (url, param) {
      if (typeof url !== 'string' || url === '') throw invalid('An image needs a URL.', param)
      if (++parts > (maxParts ?? Infinity)) throw invalid(`The request has more than ${maxParts} images.`, param)
      return /^data:/i.test(url) ? inline(url, param) : await fetched(url, param)
    }
  }
}
