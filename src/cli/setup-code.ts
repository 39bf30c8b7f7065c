/** The answer of device.pair.setupCode. */
export interface SetupCode {
  setupId?: string
  setupCode: string
  joinUrl?: string
  gatewayUrl: string
  auth: string
  urlSource: string
  access?: string
  expiresAtMs?: number
}

/** What a setup code carries: base64url of a JSON object. */
export function readSetupCode (code: string): { url?: string, bootstrapToken?: string, expiresAtMs?: number } {
  return JSON.parse(Buffer.from(code.replace(/^oc-pair:\/\//, ''), 'base64url').toString('utf8')) as { bootstrapToken?: string }
}
