/** What a job has to say: replies to a chat or a webhook, and notices that it keeps failing. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Environment } from '../../config/environment.ts'
import { createSecretResolver } from '../../config/secrets.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import type { Store } from '../../store/store.ts'
import type { Places, Wanted } from '../places.ts'
import type { RunLogEntry } from './history.ts'
import type { Destination, DeliveryStatus, FailureAlert, HandedOver, Job } from './job.ts'

export interface Reported {
  readonly status: DeliveryStatus
  readonly error?: string
}

export interface ReportingOptions {
  readonly config: () => LoadedConfig
  readonly env: Environment
  readonly store: Store
  readonly outbound: Outbound
  readonly places: Places
}

/** Where the reply of a run goes. */
export type Way =
  | { readonly kind: 'none' }
  | { readonly kind: 'announce', readonly wanted: Wanted }
  | { readonly kind: 'webhook', readonly url: string }
  | { readonly kind: 'lost', readonly problem: string }

export interface Reporting {
  wayOf (job: Job, sessionKey: string): Way
  post (url: string, body: object, key: string): Promise<Reported>
  /** Tells that a job keeps failing, if that is wanted and was not told just now. Undefined: nothing was to be told. */
  alert (job: Job, entry: RunLogEntry, sessionKey: string, nowMs: number): Promise<Reported | undefined>
}

const limits = { maxBytes: 16_384, whenLarger: 'truncate', totalMs: 15_000, idleMs: 10_000, maxRedirects: 0 } as const
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500)

interface AlertPolicy extends FailureAlert {
  readonly after: number
  readonly cooldownMs: number
}

export function createReporting ({ config, env, store, outbound, places }: ReportingOptions): Reporting {
  async function token (): Promise<string | undefined> {
    const { webhookToken } = config().config.cron
    if (webhookToken === undefined) return undefined
    const { value, error } = await createSecretResolver({ config: config().config, env }).resolve(webhookToken)
    if (error !== undefined) throw new Error(`cron.webhookToken: ${error}`)
    return value
  }

  async function post (url: string, body: object, key: string): Promise<Reported> {
    const { allowedHostnames, dangerouslyAllowPrivateNetwork } = config().config.cron.webhookSsrfPolicy as {
      allowedHostnames?: unknown, dangerouslyAllowPrivateNetwork?: unknown
    }
    try {
      const bearer = await token()
      const named = Array.isArray(allowedHostnames) ? allowedHostnames.filter((name): name is string => typeof name === 'string') : []
      const ownHosts = dangerouslyAllowPrivateNetwork === true ? [new URL(url).hostname] : named
      const { status } = await outbound.request({
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key, ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
        body: JSON.stringify(body),
        limits,
        rules: { ownHosts, setting: 'cron.webhookSsrfPolicy.allowedHostnames' }
      })
      return status >= 200 && status < 300 ? { status: 'delivered' } : { status: 'not-delivered', error: `the webhook answered ${status}` }
    } catch (error) {
      return { status: 'not-delivered', error: messageOf(error) }
    }
  }

  async function announce (id: string, wanted: Wanted, text: string): Promise<Reported> {
    try {
      const { ops, committed } = await places.prepare(id, await places.address(wanted), text)
      await store.commit(ops)
      committed()
      return await places.arrival(id)
    } catch (error) {
      return { status: 'not-delivered', error: messageOf(error) }
    }
  }

  /** The settings of the job over those of all jobs. Without an own one, a job that talks to nobody complains to nobody. */
  function policyOf ({ failureAlert, delivery }: Job): { readonly policy: AlertPolicy, readonly to: Destination } | undefined {
    const { enabled, ...shared } = config().config.cron.failureAlert
    if (failureAlert === false || (!failureAlert && (!enabled || delivery?.bestEffort))) return undefined
    const policy = { ...shared, ...failureAlert }
    const primary: Destination | undefined = delivery?.mode === 'announce' ? { ...delivery, mode: 'announce' } : undefined
    const hasShared = shared.channel !== undefined || shared.to !== undefined
    const own = failureAlert && (failureAlert.channel ?? failureAlert.to) ? failureAlert : undefined
    const to = (own ?? delivery?.failureDestination ?? (hasShared ? shared : primary)) as Destination | undefined
    return to ? { policy, to } : undefined
  }

  return {
    wayOf ({ delivery, payload }, sessionKey) {
      if (delivery?.mode === 'none' || (payload.kind === 'systemEvent' && delivery?.mode !== 'webhook')) return { kind: 'none' }
      if (delivery?.mode === 'webhook') return { kind: 'webhook', url: delivery.to! }
      const found = places.wantedOf(delivery ? { channel: 'last', ...delivery } : {}, sessionKey)
      if ('wanted' in found) return { kind: 'announce', wanted: found.wanted }
      return delivery ? { kind: 'lost', problem: found.problem } : { kind: 'none' }
    },
    post,
    async alert (job, entry, sessionKey, nowMs) {
      const found = policyOf(job)
      const { consecutiveErrors = 0, lastFailureAlertAtMs = -Infinity, autoDisabled } = job.state
      if (!found || entry.status !== 'error') return undefined
      const { policy: { after, cooldownMs }, to } = found
      if (!autoDisabled && (consecutiveErrors < after || nowMs - lastFailureAlertAtMs < cooldownMs)) return undefined
      const key = `alert:${entry.runId}`
      const next = autoDisabled
        ? `It is switched off now; when the cause is gone: openclaw cron enable ${job.id}`
        : `openclaw cron runs --id ${job.id} shows the runs.`
      const text = `The job "${job.name}" has failed ${consecutiveErrors} times in a row (${entry.errorReason ?? 'unknown'}), last at ` +
        `${new Date(entry.runAtMs).toISOString()}. ${next}`
      if (to.mode === 'webhook') {
        return to.to === undefined ? undefined : await post(to.to, { event: 'cron.failure', name: job.name, text, ...entry }, key)
      }
      const place = places.wantedOf(to, sessionKey)
      return 'wanted' in place ? await announce(key, place.wanted, text) : { status: 'not-delivered', error: place.problem }
    }
  }
}

/** What a webhook is told of a run. */
export const finishedBody = (job: Job, entry: object, { text }: HandedOver): object =>
  ({ event: 'cron.finished', ...entry, job: { id: job.id, name: job.name }, text })
