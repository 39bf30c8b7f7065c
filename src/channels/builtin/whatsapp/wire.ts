/** What of the Cloud API's objects is read here. Fields that are not there are absent. */

export interface WireMedia {
  readonly id: string
  readonly mime_type?: string
  readonly caption?: string
  readonly filename?: string
}

export interface WireMessage {
  /** `wamid.…`, the same however often it is delivered. */
  readonly id: string
  readonly from: string
  /** Seconds. */
  readonly timestamp?: string
  readonly type?: string
  readonly group_id?: string
  readonly context?: { readonly id?: string, readonly from?: string }
  readonly text?: { readonly body?: string }
  readonly image?: WireMedia
  readonly audio?: WireMedia
  readonly video?: WireMedia
  readonly document?: WireMedia
  readonly sticker?: WireMedia
  readonly reaction?: { readonly message_id?: string, readonly emoji?: string }
  readonly button?: { readonly text?: string }
  readonly interactive?: {
    readonly button_reply?: { readonly title?: string }
    readonly list_reply?: { readonly title?: string, readonly description?: string }
  }
  readonly location?: { readonly latitude?: number, readonly longitude?: number, readonly name?: string, readonly address?: string }
  readonly contacts?: ReadonlyArray<{
    readonly name?: { readonly formatted_name?: string }
    readonly phones?: ReadonlyArray<{ readonly phone?: string }>
  }>
}

export interface WireError {
  readonly code?: number
  readonly title?: string
  readonly message?: string
  readonly error_data?: { readonly details?: string }
}

export interface WireStatus {
  readonly id?: string
  readonly status?: string
  readonly recipient_id?: string
  readonly errors?: readonly WireError[]
}

export interface WireValue {
  readonly metadata?: { readonly phone_number_id?: string, readonly display_phone_number?: string }
  readonly contacts?: ReadonlyArray<{ readonly wa_id?: string, readonly profile?: { readonly name?: string } }>
  readonly messages?: readonly WireMessage[]
  readonly statuses?: readonly WireStatus[]
}

export interface Notification {
  readonly object: 'whatsapp_business_account'
  readonly entry: ReadonlyArray<{ readonly changes?: ReadonlyArray<{ readonly field?: string, readonly value?: WireValue }> }>
}
