import { Type, type Static } from './type.ts'

const id = Type.String({ minLength: 1 })

export const RequestFrame = Type.Object({
  type: Type.Literal('req'),
  id,
  method: Type.String({ minLength: 1 }),
  params: Type.Optional(Type.Unknown()),
  traceparent: Type.Optional(Type.String({ maxLength: 128 }))
}, { additionalProperties: false })
export type RequestFrame = Static<typeof RequestFrame>

export const ErrorShape = Type.Object({
  code: Type.String({ minLength: 1 }),
  message: Type.String({ minLength: 1 }),
  details: Type.Optional(Type.Unknown()),
  retryable: Type.Optional(Type.Boolean()),
  retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 }))
}, { additionalProperties: false })
export type ErrorShape = Static<typeof ErrorShape>

export const ResponseFrame = Type.Object({
  type: Type.Literal('res'),
  id,
  ok: Type.Boolean(),
  payload: Type.Optional(Type.Unknown()),
  error: Type.Optional(ErrorShape)
}, { additionalProperties: false })
export type ResponseFrame = Static<typeof ResponseFrame>

export const StateVersion = Type.Object({
  presence: Type.Integer({ minimum: 0 }),
  health: Type.Integer({ minimum: 0 })
}, { additionalProperties: false })
export type StateVersion = Static<typeof StateVersion>

export const EventFrame = Type.Object({
  type: Type.Literal('event'),
  event: Type.String({ minLength: 1 }),
  payload: Type.Optional(Type.Unknown()),
  seq: Type.Optional(Type.Integer({ minimum: 0 })),
  stateVersion: Type.Optional(StateVersion)
}, { additionalProperties: false })
export type EventFrame = Static<typeof EventFrame>
