/** What was recorded of the existing gateway (2026.9.6) and more than one file compares with. */

export const scopes = ['operator.read', 'operator.write', 'operator.admin', 'operator.approvals', 'operator.pairing']

export interface Answer {
  readonly code?: string
  readonly message: string
  readonly details?: { readonly [name: string]: unknown }
  readonly close: number
  /** Where it is not the message. */
  readonly reason?: string
}

export const unauthorized = (message: string, code: string, authReason: string, recommendedNextStep: string, canRetryWithDeviceToken = false): Answer =>
  ({ message: `unauthorized: ${message}`, details: { code, authReason, canRetryWithDeviceToken, recommendedNextStep }, close: 1008 })
