/** Runs the body of a command with a connected gateway, and says what went wrong when there is none. */
import { isClientError, type GatewayClientError } from './client-error.ts'
import type { CommandContext } from './define-command.ts'
import { CommandFailure, isUnreachable, reportFailure } from './failure.ts'
import type { GatewayClient, MethodName, MethodParams } from './gateway-client.ts'
import { openLocalAdmin } from './local-admin.ts'
import { loadLocalSettings, type LocalSettings } from './local-settings.ts'
import { openGateway, type OpenOptions } from './open-gateway.ts'
import { isAddressUnknown, meantTarget, type GatewayTarget, type TargetFlags } from './target.ts'

export interface RpcFlags extends TargetFlags {
  readonly timeout: number
  readonly json: boolean
}

export interface Reached {
  readonly client: GatewayClient
  readonly target: GatewayTarget
  readonly settings: LocalSettings
}

export type Body = (reached: Reached) => Promise<number>

interface Course {
  /** What is being done, for the sentence that tells that it failed. */
  readonly doing: string
  /** May fall back on the administrator's credential of this machine. */
  readonly administrative?: boolean
  /** Said when nothing answers. */
  readonly whenUnreachable?: string
  /** Done in its place when nothing answers on this machine. */
  readonly elsewhere?: (settings: LocalSettings) => Promise<number>
  /** May object before anything is sent. */
  readonly check?: (target: GatewayTarget) => void
}

export const openOptionsFor = (context: CommandContext<RpcFlags>, settings: LocalSettings): OpenOptions => ({
  stateDir: settings.paths.stateDir,
  timeoutMs: context.options.timeout,
  note: text => context.out.note(text),
  now: Date.now
})

/** A refusal for want of rights, as opposed to a wrong request. */
const refusedForRights = (error: unknown): error is GatewayClientError => isClientError(error) && error.kind === 'request' && (
  error.code === 'NOT_PAIRED' || error.code === 'FORBIDDEN' || /^(AUTH|DEVICE|PAIRING)_/.test(error.detailCode ?? '') ||
  / denied$/.test(error.message)
)

async function attempt (body: Body, reached: Reached): Promise<number> {
  try {
    return await body(reached)
  } finally {
    await reached.client.close()
  }
}

async function asAdministrator (refusal: unknown, body: Body, context: CommandContext<RpcFlags>, where: Omit<Reached, 'client'>): Promise<number> {
  const { target, settings } = where
  if (!refusedForRights(refusal) || !target.local || !target.mayUseStoredToken) throw refusal
  const client = await openLocalAdmin(target, openOptionsFor(context, settings))
  if (!client) throw refusal
  return await attempt(body, { ...where, client })
}

/** Throws what went wrong, for commands that know what to do without a gateway. */
export async function reachGateway (context: CommandContext<RpcFlags>, where: Omit<Reached, 'client'>, administrative: boolean, body: Body): Promise<number> {
  return await openGateway(where.target, openOptionsFor(context, where.settings))
    .then(client => attempt(body, { ...where, client }))
    .catch(error => administrative ? asAdministrator(error, body, context, where) : Promise.reject(error))
}

export async function withGateway (context: CommandContext<RpcFlags>, course: Course, body: Body): Promise<number> {
  const { out, options } = context
  const settings = await loadLocalSettings(context)
  let target: GatewayTarget | undefined
  try {
    target = meantTarget(options, settings, out.note)
    course.check?.(target)
    return await reachGateway(context, { target, settings }, course.administrative === true, body)
  } catch (error) {
    if (course.elsewhere && (isAddressUnknown(error) || (target?.local && isUnreachable(error)))) return await course.elsewhere(settings)
    const code = reportFailure(error, { out, json: options.json, doing: course.doing, ...(target ? { target } : {}) })
    if (course.whenUnreachable && !options.json && isUnreachable(error)) out.note(course.whenUnreachable)
    return code
  }
}

/** One call, one answer. */
export async function callGateway<M extends MethodName, Result> (
  context: CommandContext<RpcFlags>, course: Course, method: M, params: MethodParams<M>, show: (result: Result, reached: Reached) => void
): Promise<number> {
  return await withGateway(context, course, async reached => {
    const result = await reached.client.request(method, params) as Result
    if (context.options.json) context.out.json(result)
    else show(result, reached)
    return 0
  })
}

/** For arguments that the parser has made sure of. */
export function required (value: string | undefined, name: string): string {
  if (!value) throw new CommandFailure(`${name} is missing`)
  return value
}
