import { basename } from 'node:path'
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'

export const logs = {
  'logs.tail': method({
    scope: 'operator.read',
    params: Type.Object({
      cursor: Type.Optional(Type.Integer({ minimum: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })),
      maxBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 }))
    }, { additionalProperties: false }),
    result: Type.Object({
      file: Type.String(),
      cursor: Type.Integer(),
      size: Type.Integer(),
      lines: Type.Array(Type.String()),
      truncated: Type.Optional(Type.Boolean()),
      reset: Type.Optional(Type.Boolean()),
      skippedBytes: Type.Optional(Type.Integer())
    }),
    async handle (params, { rooms, caller }) {
      const tail = await rooms.tailLog(params)
      return caller.owner ? tail : { ...tail, file: basename(tail.file) }
    }
  })
}
