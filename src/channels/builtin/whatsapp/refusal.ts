/** What the codes of the Cloud API mean for a message, with the next step for people. */
import { isJson, outcomeOfStatus, ServiceRefusal, type ServiceAnswer } from '../../http/service.ts'
import type { WireError } from './wire.ts'

const unauthorizedCodes = new Set([0, 190])
/** Milliseconds after which another try makes sense. */
const rateCodes: ReadonlyMap<number, number> = new Map([[4, 60_000], [80007, 60_000], [130429, 2000], [131056, 6000], [133016, 60_000]])
const passingCodes = new Set([1, 2, 131000, 131016, 131057])

const advice: ReadonlyMap<number, string> = new Map([
  [0, 'create a new token of a system user and put it into accessToken'],
  [190, 'create a new token of a system user and put it into accessToken'],
  [10, 'give the system user the permission whatsapp_business_messaging'],
  [100, 'check phoneNumberId and the receiver'],
  [131026, 'the receiver has no WhatsApp, or cannot be written to'],
  [131030, 'a test number writes only to numbers of its list; add the receiver in the App Dashboard'],
  [131031, 'the account is locked; look into Business Support Home'],
  [131047, 'the person wrote more than 24 hours ago: wait until they write, or send an approved template (openclaw message send --template)'],
  [132000, 'the template has another number of places; give as many templateParams'],
  [132001, 'there is no approved template of this name in this language; WhatsApp Manager lists them'],
  [131048, 'too many people blocked or reported what this number sent; look at its quality in WhatsApp Manager']
])

export const adviceFor = (code: number): string => {
  const text = advice.get(code) ?? (code >= 200 && code < 300 ? advice.get(10) : undefined)
  return text === undefined ? '' : `; ${text}`
}

export const wordsOf = ({ code, title, message, error_data: data }: WireError): string =>
  [`(${code ?? 'no code'})`, title ?? message ?? '', data?.details === undefined ? '' : `– ${data.details}`].filter(Boolean).join(' ')

interface Words { readonly host: string, readonly safe: (text: string) => string }

export function refusalOf ({ status, json, retryAfterMs }: ServiceAnswer, { host, safe }: Words): ServiceRefusal {
  const error = isJson(json?.error) ? json.error as WireError : undefined
  if (!error) {
    const outcome = outcomeOfStatus(status)
    return new ServiceRefusal(`${host} answered ${status}, which is no answer of the Cloud API`, { outcome, status, retryAfterMs })
  }
  const code = typeof error.code === 'number' ? error.code : -1
  const isUnauthorized = unauthorizedCodes.has(code) || status === 401
  const rateMs = rateCodes.get(code)
  // With another token it would arrive.
  const isLater = isUnauthorized || rateMs !== undefined || passingCodes.has(code) || status === 429 || (status >= 500 && !advice.has(code))
  return new ServiceRefusal(`WhatsApp answered ${safe(wordsOf(error))}${adviceFor(code)}`, {
    outcome: isLater ? 'later' : 'refused', status, code: String(code), retryAfterMs: retryAfterMs ?? rateMs, isUnauthorized
  })
}
