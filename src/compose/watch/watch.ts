/** What watches the gateway: the audit log, the counters and the traces, put where something happens. */
import type { FastifyInstance } from 'fastify'
import { createAudit, type Audit } from '../../audit/audit.ts'
import type { Act, ActKind, Fact } from '../../audit/act.ts'
import { auditPlaces } from '../../audit/segments.ts'
import type { LiveConfig } from '../../config/live-config.ts'
import type { Paths } from '../../config/paths.ts'
import type { EventBus, GatewayEvent } from '../../events/bus.ts'
import { createRedactor } from '../../lib/redact.ts'
import type { Logging } from '../../log/logger.ts'
import type { EventName } from '../../protocol/events.ts'
import type { RequestObserver } from '../../rpc/dispatch.ts'
import { createGatewayMeters, type GatewayMeters } from '../../telemetry/gateway-meters.ts'
import type { Tracing } from '../../telemetry/tracer.ts'
import { createDoorWatch, type DoorWatch } from './door.ts'
import { watchHttp } from './http.ts'
import { createOtelWatch, type OtelWatch } from './otel.ts'
import { createRequestObserver } from './requests.ts'
import { createWorkWatch, type WorkWatch } from './runs.ts'

export interface WatchOptions {
  readonly live: LiveConfig
  readonly paths: Pick<Paths, 'stateDir'>
  readonly logging: Logging
  readonly events: EventBus
  readonly version: string
  readonly bootId: string
  readonly env: { readonly [name: string]: string | undefined }
  /** The credentials that are in force now. */
  readonly secrets: () => ReadonlyArray<string | undefined>
  readonly now: () => number
  readonly steady: () => number
}

export interface Watch {
  readonly audit: Audit
  readonly meters: GatewayMeters
  readonly otel: OtelWatch
  readonly tracing: Tracing
  readonly request: RequestObserver
  readonly door: DoorWatch
  readonly work: WorkWatch
  /** Before the first route. */
  http (fastify: FastifyInstance): void
  close (reason: string): Promise<void>
}

const dayMs = 24 * 60 * 60_000

/** What happens without a request, or tells more than the request did. */
const toldEvents: { readonly [event in EventName]?: ActKind } = {
  'device.pair.requested': 'pairing',
  'device.pair.resolved': 'pairing',
  'device.pair.changed': 'pairing',
  'device.pair.setup.completed': 'pairing',
  'node.pair.requested': 'pairing',
  'node.pair.resolved': 'pairing',
  'exec.approval.requested': 'tool',
  'exec.approval.resolved': 'tool',
  'plugin.approval.resolved': 'tool',
  'config.changed': 'config'
}

const tellable = ['requestId', 'deviceId', 'nodeId', 'decision', 'change', 'role', 'scopes', 'id', 'resolvedBy', 'applied', 'pending', 'setupId'] as const

function actOf ({ event, payload }: GatewayEvent, kind: ActKind): Act {
  const fields = payload as { readonly [name: string]: unknown }
  const about = Object.fromEntries(tellable.flatMap(name => {
    const value = fields[name]
    return typeof value === 'string' || (Array.isArray(value) && value.length > 0) ? [[name, value as Fact]] : []
  }))
  // Strangers may ask to be paired as often as they like.
  const repeats = event.endsWith('.requested') ? { repeats: `${event} ${String(fields['deviceId'] ?? fields['nodeId'] ?? '')}` } : {}
  return { kind, act: event, outcome: fields['refused'] === undefined ? 'ok' : 'refused', about, ...repeats }
}

function createGatewayAudit ({ live, paths, logging, secrets, now }: WatchOptions): Audit {
  const log = logging.child('audit')
  // The log knows the secrets that it began with; those of now are never to stand here either.
  const known = createRedactor({ patterns: [], secrets: () => secrets().filter(secret => secret !== undefined) })
  const settings = () => live.current().config.logging.audit
  return createAudit({
    places: auditPlaces(paths.stateDir),
    limits () {
      const { maxFileBytes, maxTotalBytes, maxAgeDays } = settings()
      return { maxFileBytes, maxTotalBytes, maxAgeMs: maxAgeDays * dayMs }
    },
    enabled: () => settings().enabled,
    now,
    redact: text => known.redactText(logging.redactor.redactText(text)),
    onTrouble: (err, waiting) => log.error({ err, waiting }, 'the audit log cannot be written; acts wait in memory until it can again'),
    onRecovered: () => log.info('the audit log is written again')
  })
}

export function composeWatch (options: WatchOptions): Watch {
  const { live, events, version, bootId, steady } = options
  const audit = createGatewayAudit(options)
  const meters = createGatewayMeters()
  const otel = createOtelWatch({ ...options, meters })
  const tracing: Tracing = () => otel.tracer()
  audit.told({ kind: 'gateway', act: 'gateway.started', outcome: 'ok', about: { version, bootId } }, { later: true })

  let isKept = live.current().config.logging.audit.enabled
  events.subscribe(occurrence => {
    const kind = toldEvents[occurrence.event]
    if (kind === undefined) return
    if (occurrence.event === 'config.changed') {
      meters.configReloads.add(1, (occurrence.payload as { refused?: unknown }).refused === undefined ? 'applied' : 'refused')
      const { enabled } = live.current().config.logging.audit
      if (enabled !== isKept) audit.told({ kind: 'audit', act: enabled ? 'audit.switched-on' : 'audit.switched-off', outcome: 'ok' }, { always: true })
      isKept = enabled
    }
    audit.told(actOf(occurrence, kind))
  })

  return {
    audit,
    meters,
    otel,
    tracing,
    request: createRequestObserver(meters, audit, steady),
    door: createDoorWatch(meters, audit),
    work: createWorkWatch({ meters, audit, tracing, now: steady }),
    http: fastify => watchHttp(fastify, { meters, tracing }),
    async close (reason) {
      audit.told({ kind: 'gateway', act: 'gateway.stopped', outcome: 'ok', about: { reason, bootId } })
      await otel.close()
      await audit.close()
    }
  }
}
