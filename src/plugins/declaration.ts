/** What a plugin may declare, and what its code gets. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Channel } from '../channels/define-channel.ts'
import type { Role } from '../protocol/client-info.ts'
import type { Scope } from '../protocol/scopes.ts'
import type { Static, TObject, TSchema } from '../protocol/type.ts'
import type { ProviderDeclaration } from '../providers/define-provider.ts'
import type { AnyScope } from '../rpc/define-method.ts'
import type { CapabilityClass, Tool } from '../tools/tool.ts'

/** Who is asking, as a plugin may know it. */
export interface PluginCaller {
  readonly principal: string
  readonly role: Role
  /** What it may do through this plugin: no more than it has, and no more than the method or route asks for. */
  readonly scopes: readonly Scope[]
  readonly deviceId?: string
  readonly user?: string
}

/** Calls a method of this gateway as whoever is asking, with the rights that stand in `caller.scopes`. */
export type CallGateway = (method: string, params?: { readonly [name: string]: unknown }) => Promise<unknown>

export interface PluginCall {
  readonly caller: PluginCaller
  readonly call: CallGateway
  /** Ends with the caller, with the time limit and with the plugin. */
  readonly signal: AbortSignal
}

export interface PluginMethod<P extends TSchema = TSchema> {
  /** Absent: `operator.admin`. */
  readonly scope?: Scope | AnyScope
  readonly params?: P
  /** False keeps it out of hello-ok. */
  readonly advertise?: false
  /** Changes nothing. Derived from the scope when absent. */
  readonly changes?: boolean
  handle (params: Static<P>, call: PluginCall): unknown
}

export interface PluginRequest {
  readonly method: string
  readonly path: string
  readonly query: { readonly [name: string]: string }
  readonly headers: IncomingHttpHeaders
  /** All of it, as it was sent: signatures are made over bytes. */
  readonly body: Buffer
  readonly address: string
  readonly signal: AbortSignal
  json (): unknown
}

export interface PluginReply {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
  /** An object goes out as JSON. */
  readonly body?: string | Uint8Array | object | null
}

/** The request as Node hands it out, after its body was received whole. */
export interface NodeRequest extends Readable {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly socket: { readonly remoteAddress: string }
}

interface RoutePlace {
  /** `/plugins/<id>/…`, or a path of its own that is nobody else's. Without a slash in front it is below the first. */
  readonly path: string
  /** Absent: exactly this path. */
  readonly match?: 'exact' | 'prefix'
  /** Absent: any. */
  readonly methods?: readonly string[]
  /** Absent: 1 MiB. */
  readonly bodyLimit?: number
}

type RouteAuth =
  /** The credentials of the gateway; without a scope `operator.write`. */
  | { readonly auth?: 'gateway', readonly scope?: Scope }
  /** The plugin looks at signatures itself. Nobody is known, so nothing may be called on anybody's behalf. */
  | { readonly auth: 'plugin' }

type RouteWork =
  | { handle (request: PluginRequest, call: PluginCall | undefined): unknown }
  /** The form of Node; true or nothing means that it has answered. */
  | { handler (request: NodeRequest, response: ServerResponse): unknown }

export type PluginRoute = RoutePlace & RouteAuth & RouteWork

/** Runs for as long as the plugin does. */
export interface PluginService {
  readonly id: string
  start (context: { readonly signal: AbortSignal }): unknown
  stop? (): unknown
}

/** A tool as plugins of other gateways of this kind write it. */
export interface ForeignTool {
  readonly name: string
  readonly description?: string
  readonly parameters: TObject | object
  readonly capability?: CapabilityClass
  readonly ownerOnly?: boolean
  execute (callId: string, params: never, signal: AbortSignal, update: (partial: unknown) => void): unknown
}

type Say = (text: string, fields?: { readonly [name: string]: unknown }) => void
export interface PluginLog { readonly debug: Say, readonly info: Say, readonly warn: Say, readonly error: Say }

/** What the answer of a method in the form of other gateways is given with. */
export type Respond = (ok: boolean, payload?: unknown, error?: { readonly code?: string, readonly message?: string }) => void

export interface ForeignMethodCall extends PluginCall {
  readonly params: { readonly [name: string]: unknown }
  readonly respond: Respond
}

/** All that the code of a plugin gets. Everything here is closed when its registration is done, or the plugin is taken away. */
export interface PluginApi {
  readonly id: string
  readonly name: string
  readonly version: string | undefined
  readonly rootDir: string
  /** `plugins.entries.<id>.config`, as the schema of the plugin lets it be. */
  readonly pluginConfig: { readonly [key: string]: unknown }
  readonly logger: PluginLog
  /** Ends when the plugin is taken away. */
  readonly signal: AbortSignal
  registerTool (tool: Tool | ForeignTool, options?: { readonly optional?: boolean }): void
  registerGatewayMethod (
    name: string, method: PluginMethod | ((call: ForeignMethodCall) => unknown), options?: { readonly scope?: Scope | AnyScope }
  ): void
  registerHttpRoute (route: PluginRoute): void
  registerProvider (provider: ProviderDeclaration): void
  registerChannel (channel: Channel): void
  registerService (service: PluginService): void
}

export interface PluginDefinition {
  /** The same as in the manifest, where it is required. */
  readonly id?: string
  readonly tools?: readonly Tool[]
  readonly methods?: { readonly [name: string]: PluginMethod }
  readonly routes?: readonly PluginRoute[]
  readonly providers?: readonly ProviderDeclaration[]
  readonly channels?: readonly Channel[]
  readonly services?: readonly PluginService[]
  register? (api: PluginApi): unknown
  /** The last thing that is called when it is taken away. */
  stop? (): unknown
}

export const definePlugin = (definition: PluginDefinition): PluginDefinition => definition

/** A method of a plugin: the one declaration of methods, with less to see from the inside. */
export const defineMethod = <P extends TSchema>(declaration: PluginMethod<P>): PluginMethod => declaration as unknown as PluginMethod

export const defineRoute = (route: PluginRoute): PluginRoute => route
