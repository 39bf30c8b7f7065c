import { hostname, platform } from 'node:os'
import { loadOrCreateDeviceIdentity, type DeviceIdentity } from '../../lib/device-identity.ts'
import { packageVersion } from '../../lib/package-version.ts'
import type { ConnectAuth } from '../../protocol/connect.ts'
import type { TlsOptions } from '../client-socket.ts'
import { UsageError, command, flag, integer, text, texts, type CommandContext, type OptionValues } from '../define-command.ts'
import { createDeviceTokens } from '../device-tokens.ts'
import { CommandFailure, reportFailure } from '../failure.ts'
import { loadLocalSettings, type LocalSettings } from '../local-settings.ts'
import { keepLinked, type NodeLinkOptions, type NodeMachine } from '../node-link.ts'
import { nodePaths, readNodeSettings, writeNodeSettings, type NodeSettings } from '../node-settings.ts'
import { readSetupCode } from '../setup-code.ts'
import { meantTarget, type GatewayTarget } from '../target.ts'
import { gatewayUrl, isLoopbackHost, urlText } from '../url-rules.ts'

const options = {
  host: text('host', 'Host of the gateway (default: the one that the configuration of this machine names)'),
  port: integer('port', 'Port of the gateway (default: that of this machine)', { min: 1, max: 65_535 }),
  contextPath: text('path', 'Path below which the gateway is served'),
  tls: flag('Use TLS'),
  noTls: flag('Use no TLS, whatever a setup code says'),
  tlsFingerprint: text('sha256', 'The certificate that the gateway must show (of a gateway of this machine it is known)'),
  pair: text('code', 'Setup code or oc-pair:// link: address and credential of the first connection'),
  pairIfNeeded: text('code', 'The same, used only while this machine has no token of its own'),
  displayName: text('name', 'What this machine is called'),
  commands: texts('ids', 'Offer nothing but these commands, separated by commas; remembered'),
  allCommands: flag('Offer everything again')
}

type Context = CommandContext<OptionValues<typeof options>>

const families: { readonly [platform: string]: string } = { linux: 'Linux', darwin: 'Mac', win32: 'Windows' }

interface Place {
  readonly url: string
  readonly bootstrapToken?: string
  /** What the configuration of this machine has for it; absent where somebody named another place. */
  readonly meant?: GatewayTarget
}

/** Where the gateway is: what was named, what a setup code says, or the one that every command of this machine talks to. */
function placeOf ({ options: given, io, out }: Context, local: LocalSettings): Place {
  const code = given.pair ?? given.pairIfNeeded
  if (given.pair !== undefined && given.pairIfNeeded !== undefined) throw new UsageError('--pair cannot be combined with --pair-if-needed')
  if (given.tls && given.noTls) throw new UsageError('--tls cannot be combined with --no-tls')
  let said: ReturnType<typeof readSetupCode> = {}
  try {
    if (code !== undefined) said = readSetupCode(code)
  } catch {
    throw new CommandFailure('The setup code cannot be read: copy it again, whole. Make one on the gateway: openclaw qr')
  }
  const meant = given.host === undefined && !said.url ? meantTarget({ port: given.port }, local, out.note) : undefined
  const base = new URL(meant?.url ?? (given.host === undefined ? said.url! : `ws://${given.host}:${given.port ?? local.port}`))
  if (given.port !== undefined) base.port = String(given.port)
  if (given.tls) base.protocol = 'wss:'
  if (given.noTls) base.protocol = 'ws:'
  if (given.contextPath) base.pathname = given.contextPath
  const url = urlText(gatewayUrl(base.href, io.env, '--host'))
  const { bootstrapToken } = said
  return { url, ...(meant ? { meant } : {}), ...(bootstrapToken ? { bootstrapToken } : {}) }
}

/** Read for each connection: a gateway of this machine may have made its certificate after us, or anew. */
async function pinFor ({ url, meant }: Place, { tlsFingerprint }: Context['options'], { loaded, paths }: LocalSettings): Promise<TlsOptions> {
  if (tlsFingerprint) return { fingerprint: tlsFingerprint }
  if (!meant || !url.startsWith('wss:')) return {}
  if (!meant.local) return meant.tls ?? {}
  const { ownFingerprint } = await import('../../lib/certificate-files.ts')
  const fingerprint = await ownFingerprint(loaded.config.gateway.tls, paths.stateDir)
  return fingerprint ? { fingerprint } : {}
}

async function settingsOf ({ options: { commands, allCommands, displayName } }: Context, file: string): Promise<NodeSettings> {
  if (commands && allCommands) throw new UsageError('--commands cannot be combined with --all-commands')
  const before = await readNodeSettings(file)
  const named = commands?.flatMap(list => list.split(',')).map(name => name.trim()).filter(Boolean)
  const { commands: kept, ...rest } = before
  const only = allCommands ? undefined : named ?? kept
  const next = { ...rest, ...(displayName ? { displayName } : {}), ...(only ? { commands: only } : {}) }
  if (named || allCommands || displayName) await writeNodeSettings(file, next)
  return next
}

/** The secret of this machine's own gateway is for this machine's own gateway. */
function secretFor ({ url, meant }: Place, { env, auth, generatedToken }: LocalSettings): ConnectAuth | undefined {
  const token = env['OPENCLAW_GATEWAY_TOKEN']
  const password = env['OPENCLAW_GATEWAY_PASSWORD']
  if (token || password) return { ...(token ? { token } : {}), ...(password ? { password } : {}) }
  if (meant) return meant.authSource === 'none' ? undefined : meant.auth
  if (!isLoopbackHost(new URL(url).hostname)) return undefined
  if (auth.mode === 'password') return auth.password ? { password: auth.password } : undefined
  const own = auth.token ?? generatedToken
  return own ? { token: own } : undefined
}

interface Prepared {
  readonly local: LocalSettings
  readonly place: Place
  readonly settings: NodeSettings
  readonly identity: DeviceIdentity
}

async function prepare (context: Context): Promise<Prepared> {
  const local = await loadLocalSettings(context)
  const paths = nodePaths(local.paths.stateDir)
  const place = placeOf(context, local)
  const settings = await settingsOf(context, paths.settings)
  const identity = await loadOrCreateDeviceIdentity(paths.identity, {
    onQuarantine: path => context.out.note(`The identity of this node could not be read; it was set aside as ${path}.`)
  })
  return { local, place, settings, identity }
}

interface Opened {
  readonly machine: NodeMachine
  readonly close: () => Promise<void>
}

/** What this machine offers, and how it ends. */
async function openMachine ({ io, out }: Context, { local, settings, identity }: Prepared): Promise<Opened> {
  const { stateDir, homeDir } = local.paths
  const paths = nodePaths(stateDir)
  const [{ createNodeHost }, { openStore }] = await Promise.all([import('../../node-host/node-host.ts'), import('../../store/open.ts')])
  const store = await openStore({ stateDir: paths.directory, now: Date.now, notice: words => out.note(words) })
  const machine = await createNodeHost({
    store,
    homeDir,
    environment: io.env,
    skills: { directory: paths.skills, nodeId: identity.deviceId, areOffered: local.loaded.config.nodeHost.skills.enabled },
    now: Date.now,
    ...(settings.commands ? { only: settings.commands } : {})
  })
  async function close (): Promise<void> {
    await machine.close()
    await store.close()
  }
  return { machine, close }
}

/** What to introduce this machine with, and what it keeps of the answer. */
function introduction ({ options: given }: Context, { local, place, identity }: Prepared): Pick<NodeLinkOptions, 'credentials' | 'admitted'> {
  const { url, bootstrapToken } = place
  const tokens = createDeviceTokens(nodePaths(local.paths.stateDir).tokens)
  return {
    async credentials () {
      const stored = await tokens.get(url, 'node', identity.deviceId)
      const secret = secretFor(place, local)
      const own: ConnectAuth[] = stored ? [{ deviceToken: stored.token }] : []
      const code: ConnectAuth[] = bootstrapToken && (given.pair !== undefined || !stored) ? [{ bootstrapToken }] : []
      const all = [...given.pair === undefined ? [...own, ...code] : [...code, ...own], ...secret ? [secret] : []]
      return all.length > 0 ? all : [{}]
    },
    async admitted ({ hello: { auth: { deviceToken, issuedAtMs } } }) {
      if (!deviceToken) return
      await tokens.put(url, { token: deviceToken, role: 'node', scopes: [], deviceId: identity.deviceId, issuedAtMs: issuedAtMs ?? Date.now() })
    }
  }
}

const connectOptions = ({ place, settings, identity }: Prepared, { caps, commands }: NodeMachine): NodeLinkOptions['connect'] => ({
  url: place.url,
  identity,
  client: {
    id: 'node-host',
    mode: 'node',
    version: packageVersion(),
    displayName: settings.displayName ?? hostname(),
    deviceFamily: families[platform()] ?? 'Unknown'
  },
  role: 'node',
  scopes: [],
  caps,
  commands,
  connectTimeoutMs: 15_000,
  requestTimeoutMs: 30_000
})

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort())
  let close: (() => Promise<void>) | undefined
  try {
    const prepared = await prepare(context)
    const opened = await openMachine(context, prepared)
    close = opened.close
    const { machine } = opened
    await keepLinked({
      connect: connectOptions(prepared, machine),
      pin: () => pinFor(prepared.place, given, prepared.local),
      ...introduction(context, prepared),
      machine,
      say: words => out.line(words),
      signal: ended.signal
    })
    return 0
  } catch (error) {
    return reportFailure(error, { out, json: false, doing: 'Node run' })
  } finally {
    await close?.()
  }
}

export default command({
  name: 'node run',
  summary: 'Lend this machine to a gateway: agents may run programs here, under the approvals of this machine',
  details: 'Offers system.run, system.which, fs.listDir and, where there is a notifier, system.notify. What it offers is approved once on the ' +
    'gateway (openclaw nodes approve). Programs run only when the approvals of this machine allow them or a person at the gateway says yes. ' +
    'Agents that may run them learn the skills of this machine: skills/<name>/SKILL.md in its state directory, unless nodeHost.skills.enabled ' +
    'is false. Credentials come from a setup code, from OPENCLAW_GATEWAY_TOKEN or _PASSWORD, or from the configuration of this machine.',
  options,
  examples: [
    ['openclaw node run', 'Lends this machine to its own gateway, over TLS where that gateway has it.'],
    ['openclaw node run --host gateway.lan', 'Tries again for as long as the gateway is away.'],
    ['openclaw node run --pair-if-needed "oc-pair://…"', 'For supervisors: the code is used until this machine has a token of its own.'],
    ['openclaw node run --commands system.which', 'Nothing but this command.']
  ],
  run
})
