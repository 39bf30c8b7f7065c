import { Type, oneOf, type Static } from './type.ts'
import { clientIds, clientModes } from './client-info.ts'

const text = (options = {}) => Type.String({ minLength: 1, ...options })

/**
 * `device` is looser here than in the published schema: an absent, empty or blank nonce and an unusable key have documented
 * codes of their own (DEVICE_AUTH_NONCE_REQUIRED, DEVICE_AUTH_PUBLIC_KEY_INVALID), which a schema error would hide.
 */
export const DeviceProof = Type.Object({
  id: text(),
  publicKey: Type.String(),
  signature: Type.String(),
  signedAt: Type.Integer({ minimum: 0 }),
  nonce: Type.Optional(Type.Union([Type.String(), Type.Null()]))
}, { additionalProperties: false })
export type DeviceProof = Static<typeof DeviceProof>

export const ConnectAuth = Type.Object({
  token: Type.Optional(Type.String()),
  bootstrapToken: Type.Optional(Type.String()),
  deviceToken: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  approvalRuntimeToken: Type.Optional(Type.String()),
  agentRuntimeIdentityToken: Type.Optional(Type.String())
}, { additionalProperties: false })
export type ConnectAuth = Static<typeof ConnectAuth>

export const ConnectClient = Type.Object({
  id: oneOf(clientIds),
  displayName: Type.Optional(text()),
  version: text(),
  buildId: Type.Optional(text({ maxLength: 96 })),
  platform: text(),
  deviceFamily: Type.Optional(text()),
  modelIdentifier: Type.Optional(text()),
  timeZone: Type.Optional(text({ maxLength: 64 })),
  mode: oneOf(clientModes),
  instanceId: Type.Optional(text())
}, { additionalProperties: false })
export type ConnectClient = Static<typeof ConnectClient>

export const ConnectParams = Type.Object({
  minProtocol: Type.Integer({ minimum: 1 }),
  maxProtocol: Type.Integer({ minimum: 1 }),
  client: ConnectClient,
  caps: Type.Optional(Type.Array(text())),
  commands: Type.Optional(Type.Array(text())),
  computerUse: Type.Optional(Type.Unknown()),
  workerRuns: Type.Optional(Type.Unknown()),
  permissions: Type.Optional(Type.Record(Type.String(), Type.Boolean())),
  pathEnv: Type.Optional(Type.String()),
  role: Type.Optional(text()),
  scopes: Type.Optional(Type.Array(text())),
  device: Type.Optional(DeviceProof),
  auth: Type.Optional(ConnectAuth),
  locale: Type.Optional(Type.String()),
  userAgent: Type.Optional(Type.String()),
  // Newer than the published schema: what web UIs already know of the models, so that they need not be told again.
  modelCatalog: Type.Optional(Type.Unknown())
}, { additionalProperties: false })
export type ConnectParams = Static<typeof ConnectParams>
