import type { Admission } from '../auth/connect.ts'
import { advertisedEvents } from '../protocol/events.ts'
import { attachmentMaxBytes, wireLimits } from '../protocol/version.ts'
import type { Connection } from './connection.ts'
import type { MethodTable, MoreMethods } from './define-method.ts'

/** The parts of the snapshot, each as JSON text that is kept until it changes. */
export interface HelloSnapshot {
  readonly presence: (connection: Connection) => string
  readonly health: (connection: Connection) => string
  readonly stateVersion: () => { presence: number, health: number }
  readonly uptimeMs: () => number
  readonly authMode: () => string
  readonly appliedConfigHash: () => string | null
  readonly sessionDefaults: (connection: Connection) => object
  readonly paths: () => { configPath: string, stateDir: string }
}

export interface HelloOptions<Rooms> {
  readonly methods: MethodTable<Rooms>
  readonly more?: MoreMethods<Rooms>
  /** Without a build: that names the web UI a gateway serves, and web UIs of any other build would reload themselves for it. */
  readonly server: { version: string, bootId: string }
  readonly capabilities: readonly string[]
  readonly snapshot: HelloSnapshot
  readonly tickIntervalMs: number
}

/** Writes hello-ok. What is the same for everyone is serialised once, because connecting must be cheap. */
export function createHello<Rooms> (options: HelloOptions<Rooms>): (connection: Connection, admission: Admission) => string {
  const { snapshot, more } = options
  const advertised = Object.entries(options.methods).filter(([, method]) => method.advertise !== false).map(([name]) => name)
  const featuresWith = (others: readonly string[]): string =>
    JSON.stringify({ methods: [...advertised, ...others], events: advertisedEvents, capabilities: options.capabilities })
  let known: readonly string[] = []
  let features = featuresWith(known)

  function featuresNow (): string {
    const others = more?.advertised() ?? known
    if (others !== known && others.length + known.length > 0) features = featuresWith(others)
    known = others
    return features
  }
  const server = JSON.stringify(options.server).slice(0, -1)
  const policy = JSON.stringify({
    maxPayload: wireLimits.maxPayload,
    maxBufferedBytes: wireLimits.maxBufferedBytes,
    tickIntervalMs: options.tickIntervalMs,
    attachments: { maxBytes: attachmentMaxBytes, maxImageBytes: wireLimits.maxImageBytes }
  })

  function auth ({ caller, tokens }: Admission): string {
    const [own, ...others] = tokens
    return JSON.stringify({
      role: caller.role,
      scopes: caller.scopes,
      ...(own ? { deviceToken: own.deviceToken, issuedAtMs: own.issuedAtMs } : {}),
      ...(others.length > 0 ? { deviceTokens: tokens } : {})
    })
  }

  function snapshotText (connection: Connection, admission: Admission): string {
    const rest = JSON.stringify({
      stateVersion: snapshot.stateVersion(),
      uptimeMs: snapshot.uptimeMs(),
      appliedConfigHash: snapshot.appliedConfigHash(),
      sessionDefaults: snapshot.sessionDefaults(connection),
      authMode: snapshot.authMode(),
      // Where things lie on this host is nobody's business below admin.
      ...(admission.caller.owner ? snapshot.paths() : {})
    })
    return `{"suspension":{"phase":"accepting"},"presence":${snapshot.presence(connection)},"health":${snapshot.health(connection)},${rest.slice(1)}`
  }

  return (connection, admission) =>
    `{"type":"hello-ok","protocol":${connection.protocol},"server":${server},"connId":"${connection.id}"},` +
    `"features":${featuresNow()},"snapshot":${snapshotText(connection, admission)},"auth":${auth(admission)},"policy":${policy}}`
}
