/** What a shell or a supervisor learns from us. */
export const exitCodes = {
  ok: 0,
  /** Wrong usage, a refusal, an unreachable gateway. */
  failed: 1,
  /** The port or the state directory belongs to another process: starting again while it lives is useless. */
  taken: 69,
  /** No more memory to be had: starting again helps. */
  overloaded: 75,
  /** The configuration forbids the start: starting again without a change is useless. */
  configuration: 78
} as const
