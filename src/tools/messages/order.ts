/** From what somebody names to an order: the one reading of the fields that tools, methods and the command line take. */
import { isObject } from '../../lib/json-object.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { messageActions, type MessageAction, type MessageFile, type MessageOrder, type MessageTemplate } from './port.ts'

export type Fields = { readonly [name: string]: unknown }

/** Names that other gateways of this kind have for the same. */
const synonyms: ReadonlyMap<string, MessageAction> = new Map([
  ['unsend', 'delete'], ['sendattachment', 'send'], ['upload-file', 'send'], ['uploadfile', 'send'], ['reply', 'send'], ['thread-reply', 'send']
])

/** More than any frame of ours carries. */
const maxBufferChars = 70 * 1024 * 1024

const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

export function actionOf (action: string, channel: string | undefined): MessageAction {
  const name = action.trim().toLowerCase()
  const known = synonyms.get(name) ?? messageActions.find(one => one === name)
  if (known) return known
  throw new GatewayError('CHANNEL_UNABLE', {
    message: `Action "${action.slice(0, 50)}" is not supported${channel === undefined ? '' : ` on ${channel}`}; there are ${messageActions.join(', ')}.`
  })
}

/** The first of these that is there, as text. */
function textOf (fields: Fields, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = fields[name]
    if (typeof value === 'string' || typeof value === 'number') return String(value)
  }
  return undefined
}

const isTrue = (value: unknown): boolean => value === true || value === 'true'

function numberOf (fields: Fields, name: string): number | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw invalid(`${name} must be a whole number from 1 on`)
  return number
}

const listOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string' && one.trim() !== '')

/** Every file that is named; paths are for whoever knows whose machine is meant. */
export const mediaNamesOf = (fields: Fields): string[] =>
  [...new Set(['media', 'mediaUrl', 'mediaUrls', 'filePath', 'path', 'image'].flatMap(name => listOf(fields[name])))]

function fileOf (fields: Fields): MessageFile | undefined {
  const { buffer } = fields
  if (typeof buffer !== 'string' || buffer === '') return undefined
  if (buffer.length > maxBufferChars) throw new GatewayError('PAYLOAD_TOO_LARGE', { message: 'the file is too large' })
  const encoded = buffer.replace(/^data:[^,]*,/, '')
  if (!/^[A-Za-z0-9+/_\-\s]*={0,2}\s*$/.test(encoded)) throw invalid('buffer must be base64')
  const name = textOf(fields, 'filename', 'fileName')
  return {
    data: Buffer.from(encoded, 'base64'),
    mimeType: textOf(fields, 'contentType', 'mimeType') ?? 'application/octet-stream',
    ...(name === undefined ? {} : { name: name.slice(0, 200) })
  }
}

function pollOf (fields: Fields): Pick<MessageOrder, 'poll'> {
  const question = textOf(fields, 'pollQuestion', 'question')
  if (question === undefined) return {}
  const options = listOf(fields['pollOption'] ?? fields['pollOptions'] ?? fields['options'])
  const hours = numberOf(fields, 'pollDurationHours') ?? numberOf(fields, 'durationHours')
  const durationSeconds = numberOf(fields, 'pollDurationSeconds') ?? numberOf(fields, 'durationSeconds') ?? (hours === undefined ? undefined : hours * 3600)
  const maxSelections = isTrue(fields['pollMulti']) ? options.length : numberOf(fields, 'maxSelections')
  const isPublic = isTrue(fields['pollPublic']) || fields['isAnonymous'] === false || fields['pollAnonymous'] === false
  return {
    poll: {
      question,
      options,
      ...(durationSeconds === undefined ? {} : { durationSeconds }),
      ...(maxSelections === undefined ? {} : { maxSelections }),
      ...(isPublic ? { isAnonymous: false } : {})
    }
  }
}

/** A name, a name with its language after a colon, or an object of these; `templateParams` are the places of its text in their order. */
function templateOf (fields: Fields): MessageTemplate | undefined {
  const { template, templateParams, templateComponents } = fields
  const asked = isObject(template) ? template : { name: template }
  const [name = '', after] = String(asked['name'] ?? fields['templateName'] ?? '').split(':')
  const given = asked['language'] ?? fields['templateLanguage'] ?? after
  const language = String((isObject(given) ? given['code'] : given) ?? 'en_US')
  if (name === '') {
    if (template === undefined && templateParams === undefined) return undefined
    throw invalid('template is required: its name, as WhatsApp Manager shows it')
  }
  if (!/^[a-z0-9_]{1,512}$/.test(name)) throw invalid('a template is named by small letters, digits and underscores')
  if (!/^[A-Za-z_]{2,10}$/.test(language)) throw invalid('the language of a template is a code such as en_US')
  const own = asked['components'] ?? templateComponents
  if (own !== undefined && !(Array.isArray(own) && own.length <= 20 && own.every(isObject))) throw invalid('components of a template are a list of objects')
  const parameters = listOf(templateParams).map(text => ({ type: 'text', text: text.slice(0, 1024) }))
  const components: readonly object[] = [...own as object[] | undefined ?? [], ...parameters.length > 0 ? [{ type: 'body', parameters }] : []]
  return { name, language, ...(components.length > 0 ? { components } : {}) }
}

/** Without those that nobody gave. */
const given = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

export type Ordered = Omit<MessageOrder, 'key'>

/** `media`: files that are in hand already, in place of what `fields` names. */
export function orderOf (action: string, fields: Fields, media?: Pick<MessageOrder, 'files' | 'mediaUrls'>): Ordered {
  const channel = textOf(fields, 'channel')
  const known = actionOf(action, channel)
  const file = fileOf(fields)
  const emoji = isTrue(fields['remove']) ? '' : textOf(fields, 'emoji', 'reaction')
  const waitMs = numberOf(fields, 'waitMs')
  return given({
    action: known,
    channel,
    accountId: textOf(fields, 'accountId'),
    to: textOf(fields, 'target', 'to', 'chatId', 'channelId'),
    threadId: textOf(fields, 'threadId'),
    text: textOf(fields, 'message', 'text', 'content', 'caption'),
    messageId: textOf(fields, 'messageId', 'message_id'),
    replyTo: textOf(fields, 'replyTo', 'replyToId'),
    emoji: known === 'react' ? emoji : undefined,
    isSilent: isTrue(fields['silent']) || undefined,
    asDocument: isTrue(fields['forceDocument']) || isTrue(fields['asDocument']) || undefined,
    ...(known === 'poll' ? pollOf(fields) : {}),
    template: known === 'send' ? templateOf(fields) : undefined,
    ...(media ?? { files: file ? [file] : undefined, mediaUrls: mediaNamesOf(fields) }),
    waitMs
  }) as Ordered
}
