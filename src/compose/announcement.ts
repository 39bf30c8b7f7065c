/** Being found in the local network. Nothing of it is loaded unless it is wanted, and nothing waits for it. */
import { createHash } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import type { Environment } from '../config/environment.ts'
import type { LiveConfig } from '../config/live-config.ts'
import { isContainer, type BindTargets } from '../lib/bind-address.ts'
import type { Announced } from '../lib/mdns/records.ts'
import type { Responder } from '../lib/mdns/responder.ts'
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import { lanAddresses } from '../lib/own-addresses.ts'
import type { Logging } from '../log/logger.ts'

export interface AnnouncementParts {
  readonly live: LiveConfig
  readonly bind: BindTargets
  readonly env: Environment
  readonly stateDir: string
  readonly port: () => number
  readonly logging: Logging
}

export interface Announcement {
  /** Once every door is open. */
  begin (): void
  close (): Promise<void>
}

type Mode = 'off' | 'minimal' | 'full'

/** Without a word about it, only a gateway that other machines reach is announced; from inside a container nobody would hear it. */
function modeOf ({ live, bind, env }: AnnouncementParts): Mode {
  const { config, source } = live.current()
  const { mode } = config.discovery.mdns
  const wish = env['OPENCLAW_DISABLE_BONJOUR']
  if (wish === '1') return 'off'
  const isConfigured = (source as { discovery?: { mdns?: { mode?: unknown } } } | undefined)?.discovery?.mdns?.mode !== undefined
  return isConfigured || wish === '0' || (bind.beyondLoopback && !isContainer(env)) ? mode : 'off'
}

/** The addresses under which others reach us; where nobody does, this machine is told by itself. */
function networksOf ({ hosts, beyondLoopback }: BindTargets): string[] {
  if (!beyondLoopback) return ['127.0.0.1']
  const reached = lanAddresses()
  return (hosts.includes('0.0.0.0') || hosts.includes('::') ? reached : reached.filter(address => hosts.includes(address))).slice(0, 8)
}

/** The same after every start, another one for each gateway, and nothing can be read from it. */
function tagOf (stateDir: string): string {
  const machine = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ mac }) => mac)).sort()
  return createHash('sha256').update(JSON.stringify([hostname(), machine, stateDir])).digest('hex').slice(0, 8)
}

async function serviceOf ({ live, stateDir, port }: AnnouncementParts, mode: Mode): Promise<Announced> {
  const { ownFingerprint } = await import('../lib/certificate-files.ts')
  const { tls } = live.current().config.gateway
  const fingerprint = await ownFingerprint(tls, stateDir)
  const machine = hostname().split('.')[0]!.slice(0, 40)
  const tag = tagOf(stateDir)
  const encrypted = tls.enabled ? { gatewayTls: '1', ...(fingerprint ? { gatewayTlsSha256: fingerprint } : {}) } : {}
  const details: { [key: string]: string } = mode === 'full' ? { sshPort: '22', cliPath: process.argv[1] ?? 'openclaw' } : {}
  return {
    instance: `${machine} (OpenClaw ${tag.slice(0, 4)})`,
    host: `openclaw-${tag}.local`,
    port: port(),
    entries: {
      role: 'gateway', displayName: machine, lanHost: `${machine}.local`, gatewayPort: String(port()), transport: 'gateway', ...encrypted, ...details
    }
  }
}

export function composeAnnouncement (parts: AnnouncementParts): Announcement {
  const { live, bind, env, logging } = parts
  const inTurn = createOneAtATime()
  let hasBegun = false
  let isClosed = false
  let mode: Mode = 'off'
  let responder: Responder | undefined

  async function start (): Promise<void> {
    const [{ createResponder }, { mdnsPlace }, service] = await Promise.all([
      import('../lib/mdns/responder.ts'), import('../lib/mdns/link.ts'), serviceOf(parts, mode)
    ])
    if (isClosed) return
    const log = logging.child('discovery')
    responder = createResponder({
      place: mdnsPlace(env),
      service,
      networks: () => networksOf(bind),
      onTrouble: err => log.warn({ err }, 'the gateway cannot be announced in the local network; this is tried again once a minute')
    })
    log.info(`announced in the local network as "${service.instance}" (discovery.mdns.mode "${mode}")`)
  }

  async function follow (): Promise<void> {
    const wanted = modeOf(parts)
    if (!hasBegun || isClosed || wanted === mode) return
    await responder?.close()
    responder = undefined
    mode = wanted
    if (mode !== 'off') await start()
  }

  function followLater (): void {
    if (!hasBegun || isClosed) return
    inTurn(follow).catch((err: unknown) => logging.child('discovery').warn({ err }, 'the gateway could not be announced in the local network'))
  }
  live.onChange(followLater)

  return {
    begin () {
      hasBegun = true
      followLater()
    },
    async close () {
      isClosed = true
      await inTurn(async () => await responder?.close())
    }
  }
}
