/** Loads the plugins that are wanted, takes away those that are not any more, and knows how each of them is. */
import type { Config } from '../config/schema.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import type { ToolRegistry } from '../tools/registry.ts'
import { contained } from './containment.ts'
import type { PluginDefinition } from './declaration.ts'
import { discover, type Candidate, type Places, type Unusable } from './discovery.ts'
import { entryOf, whyNot } from './enablement.ts'
import { PluginProblem, reasonOf } from './failure.ts'
import { load } from './loading.ts'
import type { Manifest } from './manifest.ts'
import type { MethodPorts } from './methods.ts'
import { createPlugin, type Plugin, type PluginOptions } from './plugin.ts'
import { checkConfig } from './settings.ts'
import { createShelf, type Shelf, type ShelfPorts } from './shelf.ts'

export interface HostPorts extends MethodPorts, ShelfPorts, Places, Pick<PluginOptions, 'log' | 'redact'> {
  readonly plugins: () => Config['plugins']
  /** Directories in which agents may write. */
  readonly workspaces: () => readonly string[]
  readonly registry: ToolRegistry
  /** There are other plugins now, or they fare otherwise. */
  readonly changed: () => void
  readonly crashLoop?: CrashLoop | undefined
}

/** How a plugin is. */
export interface PluginState {
  readonly manifest: Manifest
  readonly path: string
  readonly root: string | undefined
  readonly fingerprint: string | undefined
  readonly state: 'enabled' | 'disabled' | 'error'
  /** Why it is not there. */
  readonly reason?: string
  readonly plugin?: Plugin
}

export interface PluginHost {
  /** Brings what is there in line with the configuration; `again` also tries what has failed before. */
  sync (options?: { readonly again?: boolean }): Promise<void>
  states (): readonly PluginState[]
  /** Places of the configuration at which nothing could even be read. */
  unreadable (): readonly Unusable[]
  readonly shelf: Shelf
  close (): Promise<void>
}

const serviceLimitMs = 10_000
const stopLimitMs = 5_000

interface Running {
  readonly plugin: Plugin
  readonly definition: PluginDefinition
}

/** What it would have to be loaded anew for. */
const identityOf = ({ entry, fingerprint }: Candidate, config: unknown): string => JSON.stringify([entry, fingerprint, config ?? null])

interface Slot {
  readonly candidate: Candidate
  readonly identity: string
  /** Absent: it is not wanted, or has failed. */
  running?: Running
  /** While its code is being loaded. */
  entering?: Plugin
  reason?: string
  isFailed: boolean
  /** What it left uncaught while it was loaded. */
  strayed?: string
}

async function startServices (plugin: Plugin): Promise<void> {
  const { signal } = plugin
  for (const service of plugin.brought.services) {
    await contained(plugin, { limitMs: serviceLimitMs, signals: [signal] }, async () => await service.start({ signal })).catch(error => {
      throw new PluginProblem(`its service ${service.id} did not start: ${reasonOf(error)}`)
    })
  }
}

async function bidFarewell ({ plugin, definition }: Running): Promise<void> {
  const last = [...plugin.brought.services.map(service => () => service.stop?.()), () => definition.stop?.()]
  for (const work of last) {
    await contained(plugin, { limitMs: stopLimitMs }, async () => await work())
      .catch((err: unknown) => plugin.log.warn({ err, plugin: plugin.id }, 'a plugin did not stop as it should'))
  }
}

export function createHost (ports: HostPorts): PluginHost {
  const { log, registry } = ports
  const shelf = createShelf(ports)
  const inTurn = createOneAtATime()
  const slots = new Map<string, Slot>()
  const attempts = new Map<string, number>()
  let unusable: readonly Unusable[] = []
  /** Counts comings and goings. */
  let moves = 0
  let isClosed = false

  async function leave (slot: Slot, reason: string): Promise<void> {
    const { running } = slot
    if (!running) return
    moves++
    slot.running = undefined
    shelf.take(running.plugin)
    running.plugin.end(reason)
    await bidFarewell(running)
  }

  function fail (slot: Slot, reason: string): void {
    moves++
    slot.reason = reason
    slot.isFailed = true
    log.error({ plugin: slot.candidate.manifest.id, reason }, `the plugin ${slot.candidate.manifest.id} is not there: ${reason}`)
  }

  /** Its state is unknown from here on, so nothing of it is offered any longer. */
  function onStray (slot: Slot, plugin: Plugin, reason: string): void {
    if (!slot.running) slot.strayed ??= reason
    if (slot.running?.plugin !== plugin) return
    fail(slot, `it left an error uncaught: ${reason}`)
    void leave(slot, 'it left an error uncaught').then(ports.changed)
  }

  async function enter (slot: Slot, config: unknown, limitMs: number): Promise<void> {
    const { candidate } = slot
    const { id } = candidate.manifest
    const attempt = attempts.get(candidate.entry) ?? 0
    let plugin: Plugin | undefined
    try {
      const namesake = registry.find(id)
      if (namesake && !namesake.origin) throw new PluginProblem(`its id is the name of a tool of the gateway: lists of tools that name ${id} would mean both`)
      plugin = createPlugin({
        ...ports,
        candidate,
        config: checkConfig(candidate.manifest, config),
        onStray: (which, reason) => onStray(slot, which, reason)
      })
      slot.entering = plugin
      const definition = await load(plugin, ports, { limitMs, attempt })
      if (!ports.crashLoop?.facts()) await startServices(plugin)
      if (slot.strayed !== undefined) throw new PluginProblem(`it left an error uncaught: ${slot.strayed}`)
      if (isClosed) return plugin.end('the gateway stops')
      shelf.put(plugin)
      slot.running = { plugin, definition }
      moves++
      for (const text of plugin.remarks) log.warn({ plugin: id }, text)
      log.info({ plugin: id, version: candidate.manifest.version }, `loaded the plugin ${id}`)
    } catch (error) {
      plugin?.end('it could not be loaded')
      attempts.set(candidate.entry, attempt + 1)
      fail(slot, ports.redact(reasonOf(error)))
    } finally {
      slot.entering = undefined
    }
  }

  /** What its services do in the background waits until the gateway holds still. */
  async function beginServices (slot: Slot): Promise<void> {
    const { running } = slot
    if (!running || isClosed) return
    try {
      await startServices(running.plugin)
    } catch (error) {
      fail(slot, ports.redact(reasonOf(error)))
      await leave(slot, 'a service of it did not start')
      ports.changed()
    }
  }
  ports.crashLoop?.onLift(() => { void inTurn(async () => { await Promise.all([...slots.values()].map(beginServices)) }) })

  async function settle (candidate: Candidate, again: boolean): Promise<void> {
    const config = ports.plugins()
    const key = candidate.manifest.id.toLowerCase()
    const settings = entryOf(config, key)?.config
    const identity = identityOf(candidate, settings)
    const before = slots.get(key)
    const reason = whyNot(config, candidate, ports.workspaces())
    const isSame = before?.identity === identity && (before.running !== undefined || (before.isFailed && !again))
    if (before && isSame && reason === undefined) return
    if (before) await leave(before, reason ?? 'it is loaded anew')
    const slot: Slot = { candidate, identity, isFailed: false, ...(reason === undefined ? {} : { reason }) }
    slots.set(key, slot)
    if (reason === undefined && !isClosed) await enter(slot, settings, config.load.timeoutMs)
  }

  async function sync (again: boolean): Promise<void> {
    if (isClosed) return
    const before = moves
    const known = JSON.stringify(unusable)
    const found = await discover(ports.plugins().load.paths, ports)
    // What began now would be nobody's to end.
    if (isClosed) return
    unusable = found.unusable.map(({ reason, ...rest }) => ({ ...rest, reason: ports.redact(reason) }))
    const isNews = JSON.stringify(unusable) !== known
    if (isNews) for (const { path, reason } of unusable) log.error({ path, reason }, `there is no plugin at ${path}: ${reason}`)
    const ids = new Set(found.candidates.map(({ manifest }) => manifest.id.toLowerCase()))
    for (const [key, slot] of slots) {
      if (ids.has(key)) continue
      slots.delete(key)
      await leave(slot, 'the configuration does not name it any more')
    }
    await Promise.all(found.candidates.map(candidate => settle(candidate, again)))
    if (isNews || moves !== before) ports.changed()
  }

  return {
    sync: ({ again = false } = {}) => inTurn(async () => await sync(again)),
    states: () => [
      ...[...slots.values()].map(({ candidate, running, reason, isFailed }): PluginState => ({
        ...candidate,
        state: running ? 'enabled' : isFailed ? 'error' : 'disabled',
        ...(reason === undefined ? {} : { reason }),
        ...(running ? { plugin: running.plugin } : {})
      })),
      ...unusable.flatMap(({ path, reason, manifest }): PluginState[] =>
        manifest ? [{ manifest, path, root: undefined, fingerprint: undefined, state: 'error', reason }] : [])
    ].sort((a, b) => a.manifest.id.localeCompare(b.manifest.id)),
    unreadable: () => unusable.filter(({ manifest }) => manifest === undefined),
    shelf,
    async close () {
      isClosed = true
      // Not in turn: a plugin that is still loading must not hold up the stop.
      for (const { entering } of slots.values()) entering?.end('the gateway stops')
      await Promise.all([...slots.values()].map(slot => leave(slot, 'the gateway stops')))
    }
  }
}
