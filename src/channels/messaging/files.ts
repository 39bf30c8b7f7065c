/** Files that a message only names. */
import { basename } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import { plainType, typeOfName } from '../../lib/media-type.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { MessageFile } from '../../tools/messages/port.ts'
import { rulesOf } from '../../tools/web/fetch-page.ts'

export interface FileFetchOptions {
  readonly outbound: Outbound
  readonly config: () => LoadedConfig
}

const nameOf = (url: string): string => {
  const { pathname } = new URL(url)
  try {
    return basename(decodeURIComponent(pathname)).slice(0, 200)
  } catch {
    return basename(pathname).slice(0, 200)
  }
}

const refused = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

/** Gets what a URL leads to, within so many bytes. Throws a sentence. */
export type FileFetch = (url: string, limitBytes: number, signal: AbortSignal) => Promise<MessageFile>

/** Under the rules for pages, which keep it from addresses of this machine and its network. */
export function createFileFetch ({ outbound, config }: FileFetchOptions): FileFetch {
  return async (url, limitBytes, signal) => {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
      throw refused('a file is named by an http or https address; the path of a file on another machine means nothing here: send its bytes')
    }
    const { fetch } = config().config.tools.web
    const totalMs = fetch.timeoutSeconds * 1000
    try {
      const { status, headers, bytes } = await outbound.request({
        url,
        rules: rulesOf(fetch),
        limits: { maxBytes: limitBytes, whenLarger: 'refuse', totalMs, idleMs: totalMs, maxRedirects: fetch.maxRedirects },
        signal
      })
      if (status !== 200) throw refused(`${url} cannot be had: the server answered ${status}`)
      const name = nameOf(url)
      const given = plainType(headers['content-type'] ?? '')
      const isSaid = given !== '' && given !== 'application/octet-stream'
      return { data: bytes, mimeType: isSaid ? given : typeOfName(name), ...(name === '' ? {} : { name }) }
    } catch (error) {
      if (error instanceof OutboundError) throw refused(`${url} cannot be had: ${error.message}`)
      throw error
    }
  }
}
