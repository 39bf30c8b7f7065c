/** The work behind `message`: what an agent wants sent, where it means, and whether it may go there. */
import { basename } from 'node:path'
import { agentEntry } from '../../config/agent-entries.ts'
import { typeOfName } from '../../lib/media-type.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { failureOf, FileFailure } from '../files/failure.ts'
import type { Files, Session } from '../files/files.ts'
import { openPlace } from '../files/place.ts'
import { readWhole } from '../files/whole-file.ts'
import { answer, problem } from '../sessions/answers.ts'
import { find } from '../sessions/lookup.ts'
import type { SessionToolSources } from '../sessions/ports.ts'
import type { Foreseen, ToolContext, ToolResult } from '../tool.ts'
import { mediaNamesOf, orderOf, type Fields } from './order.ts'
import type { MessageAddress, MessageFile, MessageOrder, MessagePlace, MessageSources } from './port.ts'

export interface ActingSources extends MessageSources {
  readonly files: Files
  readonly conversations: Pick<SessionToolSources, 'config' | 'sessions'>
}

/** Where the conversation goes on: what a program says of it, else where somebody wrote in it last. */
function homeOf ({ delivery, sessionKey }: ToolContext, { conversations }: ActingSources): MessageAddress {
  if (delivery) return delivery
  const { lastChannel, lastTo, lastAccountId, lastThreadId }: Partial<SessionRecord> = conversations.sessions.get(sessionKey) ?? {}
  if (lastChannel === undefined || lastTo === undefined) return {}
  return {
    channel: lastChannel,
    to: lastTo,
    ...(lastAccountId === undefined ? {} : { accountId: lastAccountId }),
    ...(lastThreadId === undefined ? {} : { threadId: lastThreadId })
  }
}

interface CrossContext {
  readonly allowWithinProvider?: boolean
  readonly allowAcrossProviders?: boolean
}

interface MessageTools { readonly message?: { readonly crossContext?: CrossContext } }

const crossOf = (tools: unknown): CrossContext => (tools as MessageTools | undefined)?.message?.crossContext ?? {}

const denied = (why: string): string => `Cross-context messaging denied: ${why} (tools.message.crossContext).`

/** Why a message may not leave its own conversation; undefined when it may, or does not. */
function crossing (
  place: MessagePlace, home: MessageAddress, { agentId }: ToolContext, { conversations }: ActingSources
): string | undefined {
  if (home.channel === undefined) return undefined
  const { config } = conversations.config()
  const rules: CrossContext = { ...crossOf(config.tools), ...crossOf(agentEntry(config, agentId)?.tools) }
  const { allowWithinProvider = true, allowAcrossProviders = true } = rules
  if (place.channel !== home.channel) {
    return allowAcrossProviders ? undefined : denied('this conversation may not send to another channel')
  }
  const isOwn = place.to === home.to && (home.accountId === undefined || place.accountId === home.accountId)
  return allowWithinProvider || isOwn ? undefined : denied('only the own chat may be written to')
}

export async function fileOf (name: string, files: Files, context: Session): Promise<MessageFile> {
  try {
    const place = await openPlace(await files.view(context), name, { use: 'read' })
    const known = await readWhole(place).finally(place.close)
    if (!known) throw new FileFailure(`File not found: ${name}. ls shows what there is.`)
    return { data: known.content, mimeType: typeOfName(name), name: basename(name) }
  } catch (error) {
    throw failureOf(error, name)
  }
}

const isUrl = (name: string): boolean => /^https?:\/\//i.test(name)

interface Meant {
  readonly order: MessageOrder
  readonly home: MessageAddress
}

/** Without an address the message stays in its conversation; a channel alone takes nothing over from there but its own chat. */
function addressed (args: Fields, home: MessageAddress): Fields {
  const { channel, target, to } = args
  const named = target ?? to
  if (named !== undefined) {
    if (channel !== undefined || home.channel === undefined || /^[a-z][\w-]*:/i.test(String(named))) return args
    return { channel: home.channel, ...(home.accountId === undefined ? {} : { accountId: home.accountId }), ...args }
  }
  if (home.to === undefined || (channel !== undefined && channel !== home.channel)) return args
  return { ...home, ...args }
}

const webchat = 'webchat'

/** A conversation of this gateway, named as in every tool: reached by the same rules, and the own one unless told. */
async function inside (args: Fields, context: ToolContext, { conversations }: ActingSources): Promise<Fields> {
  const { channel, target, to, ...rest } = args
  const named = String(target ?? to ?? '').trim()
  const prefixed = /^webchat:(.+)$/i.exec(named)?.[1]
  const isMeant = channel === undefined ? prefixed !== undefined : String(channel).trim().toLowerCase() === webchat
  if (!isMeant) return args
  const { key, refusal } = await find((prefixed ?? named) || 'current', context, conversations)
  if (refusal !== undefined) throw new GatewayError('FORBIDDEN', { message: `${key} is out of reach: ${refusal}.` })
  return { ...rest, channel: webchat, target: key }
}

async function meant (args: Fields, context: ToolContext, sources: ActingSources, withFiles: boolean): Promise<Meant> {
  await sources.conversations.sessions.ready
  const home = homeOf(context, sources)
  const fields = addressed(await inside(args, context, sources), home)
  if (fields['target'] === undefined && fields['to'] === undefined && args['channel'] === undefined) {
    throw new GatewayError('INVALID_PARAMS', {
      message: 'This conversation goes on over no channel: whoever reads it sees the reply itself. Name a channel and a target to write ' +
        'to somebody else, or channel "webchat" alone to say something here before the reply.'
    })
  }
  const names = mediaNamesOf(fields)
  // Whether a file is there is found out when it is sent.
  const read = async (name: string): Promise<MessageFile> => withFiles
    ? await fileOf(name, sources.files, context)
    : { data: new Uint8Array(), mimeType: typeOfName(name) }
  const files = await Promise.all(names.filter(name => !isUrl(name)).map(read))
  const { runId = 'call', callId } = context
  const ordered = orderOf(String(args['action']), fields, { files, mediaUrls: names.filter(isUrl) })
  return { home, order: { ...ordered, key: `tool:${runId}:${callId}` } }
}

const failed = (error: unknown): ToolResult => {
  if (isGatewayError(error)) return problem(error.message, { code: error.code, next: error.row.next })
  if (error instanceof FileFailure) return problem(error.message)
  throw error
}

export async function foreseeMessage (args: Fields, context: ToolContext, sources: ActingSources): Promise<Foreseen> {
  try {
    const { order, home } = await meant(args, context, sources, false)
    const place = await (await sources.messages()).check(order)
    const because = crossing(place, home, context, sources)
    return because === undefined ? { wouldRun: true } : { wouldRun: false, because }
  } catch (error) {
    if (isGatewayError(error)) return { wouldRun: false, because: error.message }
    throw error
  }
}

export async function performMessage (args: Fields, context: ToolContext, sources: ActingSources): Promise<ToolResult> {
  try {
    const port = await sources.messages()
    const { order, home } = await meant(args, context, sources, true)
    const refusal = crossing(await port.check(order), home, context, sources)
    if (refusal !== undefined) return problem(refusal)
    const { status, messageIds, ...place } = await port.perform(order, context.signal)
    const ids = messageIds.length > 0 ? { messageId: messageIds.at(-1), messageIds } : {}
    return answer({ ok: true, action: order.action, status, ...place, ...ids })
  } catch (error) {
    return failed(error)
  }
}
