import { Type } from '../protocol/type.ts'

/** Shapes that more than one namespace uses. */
export const text = (options: { [key: string]: unknown } = {}) => Type.String({ minLength: 1, ...options })
export const noParams = Type.Object({}, { additionalProperties: false })
/** A result whose shape belongs to the contract's own documents rather than to a schema of ours. */
export const openObject = Type.Object({}, { additionalProperties: true })
export const openList = Type.Array(Type.Unknown())
export const okResult = Type.Object({ ok: Type.Literal(true) }, { additionalProperties: true })
