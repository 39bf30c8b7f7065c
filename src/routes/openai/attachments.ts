/** Pictures and files that a program sends along or names by URL: as many and as large as the configuration lets it. */
import type { LoadedConfig } from '../../config/load.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { rulesOf } from '../../tools/web/fetch-page.ts'
import { invalid } from './errors.ts'

export interface AttachmentSettings {
  readonly allowUrl: boolean
  readonly urlAllowlist: readonly string[]
  readonly allowedMimes: readonly string[]
  readonly maxBytes: number
  readonly maxRedirects: number
  readonly timeoutMs: number
}

export interface AttachmentReaderOptions {
  readonly kind: 'image' | 'file'
  readonly settings: AttachmentSettings
  /** What to name to somebody who wants more, such as `gateway.http.endpoints.chatCompletions.images`. */
  readonly setting: string
  readonly maxParts?: number
  readonly maxTotalBytes?: number
  /** Called before a URL is fetched; throws when there are too many. */
  readonly countUrl?: (param: string) => void
  readonly config: LoadedConfig
  readonly outbound: Outbound
  readonly signal: AbortSignal
}

export interface Attachment {
  /** In lower case, without its parameters. */
  readonly mimeType: string
  readonly charset: string | undefined
  /** Base64, as it came. */
  readonly data: string
}

export interface AttachmentReader {
  /** `param` is the place in the request, for refusals. */
  read (url: unknown, param: string): Promise<Attachment>
}

const dataUrl = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,/i

const bytesOfBase64 = (data: string): number => Math.floor(data.length * 3 / 4)
const charsetIn = (parameters: string): string | undefined => /;\s*charset="?([\w:.-]{1,40})/i.exec(parameters)?.[1]

/** One for each request. */
export function createAttachmentReader (options: AttachmentReaderOptions): AttachmentReader {
  const { kind, settings, setting, maxParts, maxTotalBytes, config, outbound, signal } = options
  const an = kind === 'image' ? 'An image' : 'A file'
  const many = kind === 'image' ? 'Images' : 'Files'
  let parts = 0
  let total = 0

  function count (bytes: number, param: string): void {
    total += bytes
    if (bytes > settings.maxBytes) throw invalid(`The ${kind} is larger than ${settings.maxBytes} bytes (${setting}.maxBytes).`, param)
    if (maxTotalBytes !== undefined && total > maxTotalBytes) {
      throw invalid(`All ${kind}s of the request together are larger than ${maxTotalBytes} bytes.`, param)
    }
  }

  function checkType (mimeType: string, param: string): void {
    if (settings.allowedMimes.some(allowed => allowed.toLowerCase() === mimeType)) return
    throw invalid(`${many} of type ${JSON.stringify(mimeType.slice(0, 64))} are not taken; send ${settings.allowedMimes.join(', ')}.`, param)
  }

  function inline (url: string, param: string): Attachment {
    const match = dataUrl.exec(url)
    if (!match?.[3]) throw invalid(`A data: URL of ${an.toLowerCase()} must be data:<type>;base64,<data>.`, param)
    const mimeType = (match[1] ?? 'text/plain').toLowerCase()
    checkType(mimeType, param)
    const data = url.slice(match[0].length)
    count(bytesOfBase64(data), param)
    return { data, mimeType, charset: charsetIn(match[2] ?? '') }
  }

  async function fetched (url: string, param: string): Promise<Attachment> {
    if (!settings.allowUrl) {
      throw invalid(`${many} are not fetched by URL: send them as data: URLs, or have ${setting}.allowUrl switched on.`, param)
    }
    options.countUrl?.(param)
    const { urlAllowlist, maxBytes, timeoutMs, maxRedirects } = settings
    const answer = await outbound.request({
      url,
      headers: { accept: settings.allowedMimes.join(', ') },
      rules: { ...rulesOf(config.config.tools.web.fetch), ...(urlAllowlist.length > 0 ? { onlyHosts: urlAllowlist } : {}) },
      limits: { maxBytes, whenLarger: 'refuse', totalMs: timeoutMs, idleMs: timeoutMs, maxRedirects },
      signal
    }).catch((error: unknown) => {
      if (error instanceof OutboundError) throw invalid(`The ${kind} could not be fetched. ${error.message}`, param)
      throw error
    })
    if (answer.status !== 200) throw invalid(`The ${kind} could not be fetched: its server answered ${answer.status}.`, param)
    const contentType = answer.headers['content-type'] ?? ''
    const mimeType = contentType.split(';', 1)[0]!.trim().toLowerCase()
    checkType(mimeType, param)
    count(answer.bytes.length, param)
    return { data: answer.bytes.toString('base64'), mimeType, charset: charsetIn(contentType) }
  }

  return {
    async read (url, param) {
      if (typeof url !== 'string' || url === '') throw invalid(`${an} needs a URL.`, param)
      if (++parts > (maxParts ?? Infinity)) throw invalid(`The request has more than ${maxParts} ${kind}s.`, param)
      return /^data:/i.test(url) ? inline(url, param) : await fetched(url, param)
    }
  }
}
