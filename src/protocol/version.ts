/** The wire protocol this gateway speaks. */
export const protocolVersion = 4
/** Nodes and probes may still speak this one. */
export const minimumProbeProtocol = 3

/** Limits of the wire, sent to every client in `hello-ok.policy`. */
export const wireLimits = {
  preauthBytes: 65_536,
  maxPayload: 26_214_400,
  maxBufferedBytes: 52_428_800,
  maxImageBytes: 6_291_456,
  tickIntervalMs: 30_000,
  handshakeTimeoutMs: 15_000,
  maxQueuedHandshakeFrames: 15,
  keepaliveIntervalMs: 25_000,
  closeGraceMs: 1_000,
  maxCloseReasonBytes: 123
} as const

/** Base64 grows by a third and the frame around it needs room. */
export const attachmentMaxBytes = ((wireLimits.maxPayload - 256 * 1024) * 3) / 4
