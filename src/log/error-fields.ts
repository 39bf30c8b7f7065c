/** An error as plain fields: the stack as a list of calls, so that its line breaks neither forge lines nor need escaping. */

const maxFrames = 16
const maxCauses = 4

export function errorFields (error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const { code, errorId, details, cause } = error as Error & { code?: unknown, errorId?: unknown, details?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(errorId === undefined ? {} : { errorId }),
    ...(details === undefined ? {} : { details }),
    stack: calls(error.stack),
    ...(error instanceof AggregateError && depth < maxCauses
      ? { errors: error.errors.slice(0, maxCauses).map(item => errorFields(item, depth + 1)) }
      : {}),
    ...(cause === undefined || depth >= maxCauses ? {} : { cause: errorFields(cause, depth + 1) })
  }
}

/** The calls only: what stands before them repeats the message. */
const calls = (stack: string | undefined): string[] =>
  (stack ?? '').split('\n').filter(line => /^\s+at /.test(line)).slice(0, maxFrames).map(line => line.trim())
