/** What a hook asks for, checked. */

export interface WakeCall {
  readonly action: 'wake'
  readonly text: string
  readonly mode: 'now' | 'next-heartbeat'
  readonly agentId?: string
  readonly sessionKey?: string
}

export interface AgentCall {
  readonly action: 'agent'
  readonly message: string
  readonly name: string
  readonly agentId?: string
  readonly sessionKey?: string
  readonly sessionMode?: 'isolated' | 'persistent'
  readonly waitForCompletion: boolean
  readonly model?: string
  readonly thinking?: string
  readonly timeoutSeconds?: number
  readonly idempotencyKey?: string
  /** Where the reply goes beside the conversation. */
  readonly deliver?: { readonly channel?: string, readonly to?: string, readonly accountId?: string, readonly threadId?: string }
}

export type Call = WakeCall | AgentCall

/** What is wrong with what was sent, as the answer says it. */
export class BadCall extends Error {
  readonly status: number
  constructor (message: string, status = 400) {
    super(message)
    this.status = status
  }
}

export type Fields = { readonly [name: string]: unknown }

export const maxText = 200_000
const maxWord = 512
const maxKey = 256

function word (fields: Fields, name: string, most = maxWord): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new BadCall(`${name} must be a string`)
  if (value.length > most) throw new BadCall(`${name} must not be longer than ${most} characters`)
  return value.trim() === '' ? undefined : value
}

function needed (fields: Fields, name: string): string {
  const text = word(fields, name, maxText)
  if (text === undefined) throw new BadCall(`${name} required`)
  return text
}

export const wakeModeOf = (value: unknown): WakeCall['mode'] => value === 'next-heartbeat' ? value : 'now'

const defined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Value

export const wakeCall = (fields: Fields): WakeCall => defined({
  action: 'wake', text: needed(fields, 'text'), mode: wakeModeOf(fields.mode), agentId: word(fields, 'agentId'), sessionKey: word(fields, 'sessionKey')
})

function seconds (value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !(value > 0) || value > 86_400 * 7) throw new BadCall('timeoutSeconds must be a positive number')
  return value
}

/** A chat that is named, or the one where the agent was heard of last when that is asked for. */
function deliverOf (fields: Fields): AgentCall['deliver'] {
  const { deliver } = fields
  if (deliver !== undefined && deliver !== null && typeof deliver !== 'boolean') throw new BadCall('deliver must be true or false')
  const place = defined({ channel: word(fields, 'channel'), to: word(fields, 'to'), accountId: word(fields, 'accountId'), threadId: word(fields, 'threadId') })
  if (deliver === false || (deliver !== true && Object.keys(place).length === 0)) return undefined
  return place as AgentCall['deliver']
}

export function agentCall (fields: Fields): AgentCall {
  const sessionMode = word(fields, 'sessionMode')
  if (sessionMode !== undefined && sessionMode !== 'isolated' && sessionMode !== 'persistent') {
    throw new BadCall('sessionMode must be isolated or persistent')
  }
  return defined({
    action: 'agent',
    message: needed(fields, 'message'),
    name: word(fields, 'name', 100) ?? 'Hook',
    agentId: word(fields, 'agentId'),
    sessionKey: word(fields, 'sessionKey'),
    sessionMode,
    waitForCompletion: fields.waitForCompletion === true,
    model: word(fields, 'model'),
    thinking: word(fields, 'thinking'),
    timeoutSeconds: seconds(fields.timeoutSeconds),
    idempotencyKey: word(fields, 'idempotencyKey', maxKey),
    deliver: deliverOf(fields)
  })
}

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
