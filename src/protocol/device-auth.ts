/** The strings a device signs. Browser-safe: signing and verifying live elsewhere. */

export interface DeviceAuthFields {
  deviceId: string
  clientId: string
  clientMode: string
  role: string
  /** In the order in which the connect frame sends them. */
  scopes: readonly string[]
  signedAtMs: number
  /** First present of auth.token, auth.deviceToken, auth.bootstrapToken. */
  token?: string
  nonce: string
  platform?: string
  deviceFamily?: string
}

/** Platform and family are signed trimmed and with A–Z lowered, nothing else. */
export const normalizeDeviceMetadata = (value: string | undefined): string =>
  (value ?? '').trim().replace(/[A-Z]/g, letter => letter.toLowerCase())

const base = (version: string, fields: DeviceAuthFields): string[] => [
  version, fields.deviceId, fields.clientId, fields.clientMode, fields.role, fields.scopes.join(','),
  String(fields.signedAtMs), fields.token ?? '', fields.nonce
]

export const deviceAuthPayloadV2 = (fields: DeviceAuthFields): string => base('v2', fields).join('|')

export const deviceAuthPayloadV3 = (fields: DeviceAuthFields): string =>
  [...base('v3', fields), normalizeDeviceMetadata(fields.platform), normalizeDeviceMetadata(fields.deviceFamily)].join('|')

/** The secret that takes part in the signature. */
export const signedToken = (auth: { token?: string, deviceToken?: string, bootstrapToken?: string } | undefined): string =>
  auth?.token || auth?.deviceToken || auth?.bootstrapToken || ''
