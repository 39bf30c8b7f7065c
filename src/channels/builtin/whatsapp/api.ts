/** The Cloud API: one call, its result or what went wrong. */
import { createOutbound } from '../../../lib/outbound/outbound.ts'
import type { Upload } from '../../http/multipart.ts'
import { createSender, NoAnswer } from '../../http/request.ts'
import { callService, type Json } from '../../http/service.ts'
import { refusalOf } from './refusal.ts'
import type { WhatsappSettings } from './settings.ts'

export interface Api {
  /** Below the version: `<phone number id>/messages`. */
  call (method: 'GET' | 'POST', path: string, more: CallOptions): Promise<Json>
  /** The bytes behind an address that the service told. */
  download (url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>
  close (): void
}

export interface CallOptions {
  readonly signal: AbortSignal
  readonly json?: Json
  readonly upload?: Upload
  readonly fields?: Json
}

/** Where Meta keeps media. The token goes to nobody else, whatever an answer says. */
const mediaHosts = ['*.fbsbx.com', '*.facebook.com', '*.fbcdn.net', '*.whatsapp.net']
const downloadMs = 90_000

export function createApi ({ apiRoot, apiVersion, accessToken, timeoutMs }: WhatsappSettings): Api {
  const sender = createSender(apiRoot, undefined)
  const authorization = `Bearer ${accessToken}`
  const { host, hostname } = new URL(apiRoot)
  /** Whoever answers may repeat what it was told. */
  const safe = (text: string): string => text.replaceAll(accessToken, '***').slice(0, 300)
  return {
    async call (method, path, { signal, ...sent }) {
      const { upload } = sent
      const answer = await callService(sender, {
        method,
        path: `/${apiVersion}/${path}`,
        headers: { authorization },
        // A large file over a slow line takes its time.
        timeoutMs: timeoutMs + (upload ? 60_000 + upload.data.length / 50 : 0),
        signal,
        ...sent
      })
      if (answer.status >= 200 && answer.status < 300 && answer.json && !answer.json.error) return answer.json
      // An answer that nobody can read may stand for a message that was sent.
      if (answer.status === 200 && !answer.json) throw new NoAnswer(`${host} sent no answer of the Cloud API; check apiRoot`, true)
      throw refusalOf(answer, { host, safe })
    },
    async download (url, maxBytes, signal) {
      const { status, bytes } = await createOutbound().request({
        url,
        headers: { authorization, 'user-agent': 'openclaw' },
        rules: { onlyHosts: [...mediaHosts, hostname], ownHosts: [hostname] },
        limits: { maxBytes, whenLarger: 'refuse', totalMs: downloadMs, idleMs: timeoutMs },
        signal
      })
      if (status !== 200) throw new Error(`WhatsApp answered ${status} when a file was fetched`)
      return bytes
    },
    close: () => sender.close()
  }
}
