/** The closed sets of client names and modes of the contract. They describe a client; they never grant it anything. */
export const clientIds = [
  'webchat-ui', 'openclaw-control-ui', 'openclaw-browser-copilot', 'openclaw-tui', 'webchat', 'cli', 'gateway-client',
  'openclaw-macos', 'openclaw-linux', 'openclaw-ios', 'openclaw-watchos', 'openclaw-android', 'node-host', 'openclaw-worker',
  'test', 'fingerprint', 'openclaw-probe'
] as const
export type ClientId = typeof clientIds[number]

export const clientModes = ['webchat', 'cli', 'ui', 'backend', 'node', 'worker', 'probe', 'test'] as const
export type ClientMode = typeof clientModes[number]

export const roles = ['operator', 'node'] as const
export type Role = typeof roles[number]

export const isRole = (value: unknown): value is Role => value === 'operator' || value === 'node'

/** Clients that run inside a browser page of an operator: they always need an acceptable Origin. */
export const isBrowserUi = (client: { id: string, mode: string }): boolean =>
  client.id === 'openclaw-control-ui' || client.id === 'webchat-ui' || client.id === 'webchat' || client.mode === 'webchat'

/** Clients that must bring a device identity even with the right shared secret. */
export const requiresDeviceIdentity = (client: { id: string }): boolean =>
  client.id === 'openclaw-control-ui' || client.id === 'openclaw-tui'
