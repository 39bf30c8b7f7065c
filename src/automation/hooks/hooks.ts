/** HTTP hooks: what happens elsewhere wakes an agent or gives it work. */
import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Runs, RunResult } from '../../agent/room.ts'
import { PresentedSecret, createSecretCheck } from '../../auth/secret.ts'
import type { Environment } from '../../config/environment.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { SecretInput } from '../../config/schema/types.ts'
import { createSecretResolver, type SecretResolver } from '../../config/secrets.ts'
import type { Logger } from '../../log/logger.ts'
import { isGatewayError } from '../../protocol/errors.ts'
import type { Store } from '../../store/store.ts'
import type { Places } from '../places.ts'
import { wordsOf, type SystemEvents, type WaitingText } from '../system-events.ts'
import { addresseeOf } from './addressee.ts'
import { agentCall, BadCall, isFields, wakeCall, type AgentCall, type Call, type WakeCall } from './calls.ts'
import { replyPlace } from './reply-place.ts'
import { createDeliveries, type Deliveries } from './deliveries.ts'
import { applyMapping, findMapping } from './mapping.ts'
import type { HookAnswer, HookCall, Hooks, Proof } from './room.ts'
import { mappingsOf, ofPath, type Mapping } from './settings.ts'
import { deliveryId, isSigned } from './signatures.ts'
import { TransformProblem } from './transforms.ts'

export interface HooksOptions {
  readonly config: () => LoadedConfig
  readonly env: Environment
  readonly stateDir: string
  readonly runs: Pick<Runs, 'start' | 'find'>
  readonly systemEvents: SystemEvents
  /** Loaded when a reply is to go somewhere. */
  readonly places: () => Promise<Places>
  readonly store: Store
  readonly now: () => number
  readonly log: Logger
}

/** A call on its way, with everything that is known of where it comes from. */
interface Job {
  readonly call: Call
  /** Names the request; the same one has its effect once. */
  readonly requestId: string
  /** What the request is for: the same id elsewhere is a replay. */
  readonly target: string
  /** How its sender named it, if at all. */
  readonly named?: 'by signature' | 'by key'
  readonly isOwnKey: boolean
  readonly isUnsafeAllowed: boolean
}

const maxTransformMs = 8_000

const digestOf = (...parts: unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('base64url')

function parse (body: Buffer): unknown {
  if (body.length === 0) return {}
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch (error) {
    throw new BadCall((error as Error).message)
  }
}

const completionOf = ({ outcome, text, error }: RunResult): object => ({
  status: outcome === 'ok' ? 'ok' : 'error',
  replyDisposition: text.trim() === '' ? 'empty' : 'visible',
  ...(error ? { error: error.message } : {})
})

function keyOf ({ headers }: HookCall, inBody?: string): string | undefined {
  const key = headers['idempotency-key'] ?? headers['x-openclaw-idempotency-key'] ?? inBody
  if (key !== undefined && key.length > 256) throw new BadCall('the idempotency key must not be longer than 256 characters')
  return key === undefined || key.trim() === '' ? undefined : key
}

class HookRoom implements Hooks {
  readonly #options: HooksOptions
  readonly #isOwn = createSecretCheck()
  readonly #deliveries: Deliveries
  #resolver: { readonly of: LoadedConfig, readonly resolver: SecretResolver, readonly known: Map<SecretInput, Promise<string>> } | undefined

  constructor (options: HooksOptions) {
    this.#options = options
    this.#deliveries = createDeliveries(options)
  }

  async isToken (presented: string | undefined): Promise<boolean> {
    const own = await this.#secret(this.#settings.token)
    return this.#isOwn(new PresentedSecret(presented ?? ''), own)
  }

  takesSignatures (path: string): boolean {
    return ofPath(mappingsOf(this.#settings), path).some(({ signature }) => signature !== undefined)
  }

  async handle (call: HookCall, proof: Proof): Promise<HookAnswer> {
    try {
      return await this.#handle(call, proof)
    } catch (error) {
      if (error instanceof BadCall) return { status: error.status, body: { ok: false, error: error.message } }
      if (isGatewayError(error)) {
        const { nextStep } = error.details as { nextStep: string }
        const later = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }
        return { status: error.status, body: { ok: false, error: error.message, nextStep }, ...later }
      }
      throw error
    }
  }

  get #settings (): LoadedConfig['config']['hooks'] {
    return this.#options.config().config.hooks
  }

  async #secret (input: SecretInput | undefined): Promise<string> {
    const { config } = this.#options
    const loaded = config()
    if (this.#resolver?.of !== loaded) {
      this.#resolver = { of: loaded, resolver: createSecretResolver(loaded), known: new Map() }
    }
    const { resolver, known } = this.#resolver
    if (input === undefined) return ''
    let value = known.get(input)
    if (!value) {
      value = resolver.resolve(input).then(({ value = '', error }) => {
        if (error !== undefined) this.#options.log.warn({ problem: error }, 'a secret of the hooks is not available')
        return value
      })
      known.set(input, value)
    }
    return await value
  }

  /** The mapping whose signature fits, and the secret it was made with. */
  async #signer (call: HookCall): Promise<{ readonly mapping: Mapping, readonly secret: string } | undefined> {
    for (const mapping of ofPath(mappingsOf(this.#settings), call.path)) {
      if (!mapping.signature) continue
      const secret = await this.#secret(mapping.signature.secret)
      if (isSigned(mapping.signature.scheme, secret, call, this.#options.now())) return { mapping, secret }
    }
    return undefined
  }

  async #handle (call: HookCall, proof: Proof): Promise<HookAnswer> {
    if (proof === 'signature') return await this.#signed(call)
    const payload = parse(call.body)
    if (call.path === 'wake' || call.path === 'agent') {
      if (!isFields(payload)) throw new BadCall('the body must be a JSON object')
      const asked = call.path === 'wake' ? wakeCall(payload) : agentCall(payload)
      const key = keyOf(call, asked.action === 'agent' ? asked.idempotencyKey : undefined)
      return await this.#dispatch(this.#job(asked, call, key))
    }
    const mapping = findMapping(mappingsOf(this.#settings).filter(({ signature }) => !signature), call.path, payload)
    if (!mapping) return { status: 404, body: 'Not Found' }
    const key = keyOf(call)
    const id = key === undefined ? randomUUID() : digestOf(call.path, mapping.id, call.body.toString('base64'), key)
    return await this.#mapped(mapping, call, payload, { id, ...(key === undefined ? {} : { named: 'by key' }) })
  }

  #job (call: Call, { path }: HookCall, key: string | undefined): Job {
    // Neither says what is to be done.
    const { idempotencyKey: _key, waitForCompletion: _wait, ...asked } = call as AgentCall
    return {
      call,
      requestId: key === undefined ? `hook-${randomUUID()}` : `hook-${digestOf(path, asked, key)}`,
      target: path,
      ...(key === undefined ? {} : { named: 'by key' }),
      isOwnKey: false,
      isUnsafeAllowed: false
    }
  }

  async #signed (call: HookCall): Promise<HookAnswer> {
    const signer = await this.#signer(call)
    if (!signer) return { status: 401, body: 'Unauthorized' }
    const payload = parse(call.body)
    const { mapping: { signature }, secret } = signer
    if (signature!.scheme === 'slack' && isFields(payload) && payload.type === 'url_verification') {
      return { status: 200, body: { challenge: String(payload.challenge).slice(0, 1000) } }
    }
    // The rule that takes it has the same secret, or it is none of this sender's.
    const { scheme, secret: secretInput } = signature!
    const own = mappingsOf(this.#settings).filter(({ signature: other }) => other?.scheme === scheme && other.secret === secretInput)
    const mapping = findMapping(own, call.path, payload)
    if (!mapping) return { status: 404, body: 'Not Found' }
    return await this.#mapped(mapping, call, payload, { id: deliveryId(scheme, secret, call.body, payload), named: 'by signature' })
  }

  async #mapped (
    mapping: Mapping, call: HookCall, payload: unknown, { id, ...name }: { readonly id: string } & Pick<Job, 'named'>
  ): Promise<HookAnswer> {
    const { calls } = await this.#apply(mapping, call, payload)
    if (calls.length === 0) return { status: 204 }
    const isTemplated = mapping.sessionKey?.includes('{{') ?? false
    const jobs = calls.map((made, index): Job => ({
      call: made,
      requestId: calls.length === 1 ? `hook-${id}` : `hook-${id}#${index}`,
      target: `mapping:${mapping.id}`,
      ...name,
      isOwnKey: !isTemplated && made.sessionKey === mapping.sessionKey,
      isUnsafeAllowed: mapping.allowUnsafeExternalContent
    }))
    const [first, ...others] = jobs
    const answer = await this.#dispatch(first!)
    const more = await Promise.all(others.map(async job => await this.#dispatch(job)))
    if (more.length === 0) return answer
    const bodies = [answer, ...more].map(({ body }) => body)
    return { status: 200, body: { ok: true, runIds: bodies.flatMap(body => isFields(body) && typeof body.runId === 'string' ? [body.runId] : []) } }
  }

  async #apply (mapping: Mapping, call: HookCall, payload: unknown): ReturnType<typeof applyMapping> {
    const { now, log, stateDir } = this.#options
    try {
      const directory = this.#settings.transformsDir ?? join(stateDir, 'hooks', 'transforms')
      const transform = mapping.transform && await (await import('./transforms.ts')).loadTransform(directory, mapping.transform)
      const late = Promise.withResolvers<never>()
      const tooLate = (): void => late.reject(new TransformProblem(`mapping ${mapping.id} took longer than ${maxTransformMs / 1000} s`))
      const timer = setTimeout(tooLate, maxTransformMs)
      try {
        return await Promise.race([applyMapping(mapping, call, payload, { now: now(), transform }), late.promise])
      } finally {
        clearTimeout(timer)
      }
    } catch (error) {
      if (error instanceof BadCall) throw error
      log.warn({ err: error, mapping: mapping.id }, 'a hook mapping failed')
      throw new BadCall('hook mapping failed', 500)
    }
  }

  /** Runs are remembered by their claims, for a day; what is signed, and what only waits, is remembered here. */
  async #dispatch (job: Job): Promise<HookAnswer> {
    const { call, named, requestId, target } = job
    const isWaiting = call.action === 'wake' && call.mode === 'next-heartbeat'
    const isRemembered = named === 'by signature' || (named === 'by key' && isWaiting)
    const known = isRemembered ? await this.#deliveries.known(requestId, target) : undefined
    if (known) return { status: 200, body: known }
    const body = call.action === 'wake' ? await this.#wake(call, job) : await this.#run(call, job)
    // Only afterwards: what was refused, or broken off, is to be done when it is sent again.
    if (isRemembered) await this.#deliveries.remember(requestId, target, isWaiting ? { ...body, eventOutcome: 'coalesced' } : body)
    return { status: 200, body }
  }

  async #run (call: AgentCall, job: Job): Promise<object> {
    const { agentId, sessionKey } = addresseeOf(this.#options.config().config, call, { isOwn: job.isOwnKey, requestId: job.requestId })
    const deliver = await replyPlace(call, { agentId, sessionKey }, this.#options.places)
    const handle = await this.#options.runs.start({
      ...(deliver ? { deliver } : {}),
      caller: { principal: 'hook' },
      via: 'hook',
      idempotencyKey: job.requestId,
      fingerprint: job.target,
      agentId,
      sessionKey,
      message: call.message,
      queueMode: 'followup',
      lane: 'background',
      origin: { source: 'hook', name: call.name, ...(job.isUnsafeAllowed ? {} : { external: `Webhook "${call.name}"` }) },
      ...(call.model === undefined ? {} : { model: call.model }),
      ...(call.thinking === undefined ? {} : { thinking: call.thinking }),
      ...(call.timeoutSeconds === undefined ? {} : { timeoutMs: call.timeoutSeconds * 1000 })
    })
    const { runId } = handle
    return { ok: true, runId, ...(call.waitForCompletion ? { completion: completionOf(await handle.result) } : {}) }
  }

  async #wake (call: WakeCall, job: Job): Promise<object> {
    const { config, runs, systemEvents } = this.#options
    const { agentId, sessionKey } = addresseeOf(config().config, call, { isOwn: job.isOwnKey, requestId: job.requestId })
    const place = sessionKey === 'main' ? `agent:${agentId}:main` : sessionKey
    if (call.mode === 'next-heartbeat') {
      return { ok: true, mode: call.mode, eventOutcome: await systemEvents.add(place, call.text, job.isUnsafeAllowed ? undefined : 'Webhook') }
    }
    const by = { principal: 'hook', via: 'hook', key: job.requestId }
    // A wake that came before tells nothing of what has been waiting since.
    const known = await runs.find({ caller: { principal: by.principal }, via: by.via, idempotencyKey: by.key })
    const waiting = known ? undefined : await systemEvents.take(place, by)
    // A call that is marked as a whole need not be marked in parts.
    const told = job.isUnsafeAllowed ? wordsOf : ({ text }: WaitingText): string => text
    const start = runs.start({
      caller: { principal: 'hook' },
      via: 'hook',
      idempotencyKey: job.requestId,
      fingerprint: job.target,
      agentId,
      sessionKey: place,
      message: [...waiting?.entries.map(told) ?? [], call.text].join('\n'),
      queueMode: 'followup',
      origin: { source: 'hook', ...(job.isUnsafeAllowed ? {} : { external: 'Webhook' }) }
    })
    start.catch(() => waiting?.giveBack())
    const { runId, status } = await start
    if (status === 'started') await waiting?.done()
    else waiting?.giveBack()
    return { ok: true, mode: call.mode, eventOutcome: 'queued', runId }
  }
}

export const createHooks = (options: HooksOptions): Hooks => new HookRoom(options)
