/** Which agent a program means, in which conversation, and with which model. */
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../../auth/caller.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { Models } from '../../providers/model.ts'
import type { SessionTarget } from '../../sessions/room.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import { invalid } from './errors.ts'

export interface AddresseeFacts {
  readonly headers: IncomingHttpHeaders
  readonly caller: Caller
  readonly model: unknown
  readonly user: unknown
  /** What the keys of this surface begin with: `openai` or `openresponses`. */
  readonly family: string
  /** Of a conversation without a name: one request, one conversation. */
  readonly name?: string
}

export interface Addressee {
  readonly target: SessionTarget
  /** It has a name, so somebody may come back to it. */
  readonly isNamed: boolean
  /** What the program picked in place of the agent's own model. */
  readonly chosen: { readonly provider?: string, readonly model?: string }
  readonly channel: string | undefined
  /** Who is meant by `user`, for providers. */
  readonly user: string | undefined
}

export interface AddresseeSources {
  readonly sessions: Pick<SessionsRoom, 'as'>
  readonly models: Pick<Models, 'find' | 'allowed'>
}

const maxHeaderChars = 512
const wrongModel = (): GatewayError =>
  invalid('Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.', 'model', 'model_not_found')

export function headerOf (headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[`x-openclaw-${name}`]
  if (typeof value !== 'string' || value.trim() === '') return undefined
  if (value.length > maxHeaderChars) throw invalid(`\`x-openclaw-${name}\` must not be longer than ${maxHeaderChars} characters.`)
  return value.trim()
}

/** Undefined: whichever agent answers when none is named. */
export function agentOfModel (model: unknown): string | undefined {
  if (typeof model !== 'string') throw wrongModel()
  const [, agentId] = /^openclaw(?:[/:]([A-Za-z0-9][\w-]*))?$/.exec(model.trim()) ?? [undefined, null]
  if (agentId === null) throw wrongModel()
  return agentId?.toLowerCase() === 'default' ? undefined : agentId
}

/** Conversations of the gateway's own work are begun by the gateway. */
const reserved = /^(?:agent:[^:]*:)?(?:subagent|cron|acp):|:acp(?::|$)/i

function namedKey (headers: IncomingHttpHeaders): string | undefined {
  const key = headerOf(headers, 'session-key')
  if (key !== undefined && reserved.test(key)) throw invalid('`x-openclaw-session-key` cannot use reserved internal session namespaces.')
  return key
}

/** A name of somebody may be anything; one that no key can hold gets a key of its own all the same. */
const keyPart = (user: string): string =>
  /^[\w.@+|=~-]+(?: ?[\w.@+|=~-]+)*$/.test(user) && !user.includes('..') && user.length <= 200
    ? user
    : createHash('sha256').update(user).digest('hex').slice(0, 32)

function userOf (user: unknown): string | undefined {
  if (user === undefined || user === null || user === '') return undefined
  if (typeof user !== 'string') throw invalid('`user` must be a string.', 'user')
  return user
}

function targetOf ({ headers, caller, model, family, name }: AddresseeFacts, user: string | undefined, sessions: AddresseeSources['sessions']): SessionTarget {
  const ofModel = agentOfModel(model)
  const agentId = headerOf(headers, 'agent-id') ?? ofModel
  const key = namedKey(headers) ?? (user === undefined ? `${family}:${name ?? randomUUID()}` : `${family}-user:${keyPart(user)}`)
  try {
    return sessions.as(caller).target(key, agentId)
  } catch (error) {
    if (isGatewayError(error) && error.code === 'AGENT_UNKNOWN' && agentId !== undefined) throw invalid(`Unknown agent '${agentId.slice(0, 64)}'.`, 'model')
    throw error
  }
}

/** What the programs of the owner pick; whoever has a name of his own needs the rights of one. */
function chosenModel ({ headers, caller }: AddresseeFacts, agentId: string, models: AddresseeSources['models']): Addressee['chosen'] {
  const name = headerOf(headers, 'model')
  if (name === undefined) return {}
  if (!caller.allows.has('operator.admin')) {
    throw new GatewayError('MISSING_SCOPE', {
      message: 'missing scope: operator.admin', details: { missingScope: 'operator.admin', requiredScopes: ['operator.admin'] }
    })
  }
  const model = models.find(name)
  if (!model) throw new GatewayError('MODEL_UNKNOWN', { message: `unknown model "${name.slice(0, 128)}"`, details: { param: 'x-openclaw-model' } })
  if (!models.allowed(model, agentId)) throw new GatewayError('MODEL_NOT_ALLOWED', { details: { model: `${model.provider}/${model.id}` } })
  return { provider: model.provider, model: model.id }
}

function channelOf (headers: IncomingHttpHeaders): string | undefined {
  const channel = headerOf(headers, 'message-channel')
  if (channel !== undefined && !/^[\w-]{1,64}$/.test(channel)) throw invalid('`x-openclaw-message-channel` must be the name of a channel.')
  return channel
}

export function addresseeOf (facts: AddresseeFacts, { sessions, models }: AddresseeSources): Addressee {
  const user = userOf(facts.user)
  const target = targetOf(facts, user, sessions)
  return {
    target,
    isNamed: user !== undefined || headerOf(facts.headers, 'session-key') !== undefined,
    chosen: chosenModel(facts, target.agentId, models),
    channel: channelOf(facts.headers),
    user
  }
}
