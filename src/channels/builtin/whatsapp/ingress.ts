/** Where WhatsApp brings what people write to our number, and that this is here. */
import type { AccountContext } from '../../define-channel.ts'
import { isJson, ServiceRefusal } from '../../http/service.ts'
import type { Api } from './api.ts'
import type { WhatsappSettings } from './settings.ts'

export interface IngressOptions {
  readonly api: Api
  readonly log: AccountContext['log']
  readonly settings: Pick<WhatsappSettings, 'phoneNumberId' | 'verifyToken'>
  /** The address of our webhook as Meta sees it. */
  readonly url: string
  readonly signal: AbortSignal
}

/** What is entered for the number goes before what is for the business account, and that before what is for the app. */
const places = ['phone_number', 'whatsapp_business_account', 'application'] as const

/** Of Meta, for whoever has no right to something. */
const isForbidden = ({ code }: ServiceRefusal): boolean => code === '10' || /^2\d\d$/.test(code)

const forbidden = 'WhatsApp does not let this token see or enter the callback URL of the number; ' +
  'give the system user whatsapp_business_management, or take webhookUrl away and enter the address in the App Dashboard'

export function createIngress ({ api, log, settings, url, signal }: IngressOptions): () => Promise<string | undefined> {
  const { phoneNumberId, verifyToken } = settings

  async function entered (): Promise<string> {
    const { webhook_configuration: configured } = await api.call('GET', `${phoneNumberId}?fields=webhook_configuration`, { signal })
    const known = isJson(configured) ? configured : {}
    return places.map(place => known[place]).find(found => typeof found === 'string' && found !== '') as string | undefined ?? ''
  }

  /** Meta calls the address while it waits for the answer, and takes none that does not know the verify token. */
  async function enter (): Promise<void> {
    const json = { webhook_configuration: { override_callback_uri: url, verify_token: verifyToken } }
    await api.call('POST', phoneNumberId, { signal, json })
  }

  let isToldOff = false
  /** Whether messages come is not known then, so nothing is said against it. */
  function tellOnce (): undefined {
    if (!isToldOff) log.warn(forbidden)
    isToldOff = true
  }

  return async () => {
    try {
      const found = await entered()
      if (found === url) return undefined
      await enter()
      return await entered() === url ? undefined : `WhatsApp brings messages to ${found === '' ? 'nobody' : found}, and not to ${url}`
    } catch (error) {
      if (!(error instanceof ServiceRefusal) || error.isUnauthorized || error.outcome !== 'refused') throw error
      return isForbidden(error) ? tellOnce() : `WhatsApp does not take ${url} as the callback URL of the number: ${error.message}`
    }
  }
}
