/** One look at one gateway: can it be reached, are we let in, and what may we do there. */
import { isClientError, type GatewayClientError } from './client-error.ts'
import { capabilityOf, type Capability } from './capability.ts'
import type { GatewayClient } from './gateway-client.ts'
import { openGateway, type OpenOptions } from './open-gateway.ts'
import type { GatewayTarget } from './target.ts'

export interface ProbeResult {
  readonly connected: boolean
  readonly connectLatencyMs: number | undefined
  readonly error: GatewayClientError | undefined
  readonly capability: Capability
  readonly role: string | undefined
  readonly scopes: readonly string[]
  readonly server: { readonly version: string, readonly connId: string, readonly buildId?: string } | undefined
  /** What the gateway told in reply to the methods that were asked. */
  readonly answers: { readonly [method: string]: unknown }
  readonly readError: GatewayClientError | undefined
}

export interface ProbeOptions extends OpenOptions {
  /** Methods to call after connecting, with their parameters. */
  readonly ask: { readonly [method: string]: object }
}

const asClientError = (error: unknown): GatewayClientError => {
  if (isClientError(error)) return error
  throw error
}

function refused (error: GatewayClientError): ProbeResult {
  return {
    connected: false,
    connectLatencyMs: undefined,
    error,
    capability: error.detailCode === 'PAIRING_REQUIRED' ? 'pairing_pending' : 'unknown',
    role: undefined,
    scopes: [],
    server: undefined,
    answers: {},
    readError: undefined
  }
}

async function ask (client: GatewayClient, questions: ProbeOptions['ask']): Promise<Pick<ProbeResult, 'answers' | 'readError'>> {
  const methods = Object.keys(questions)
  const settled = await Promise.allSettled(methods.map(method => client.call(method, questions[method])))
  const failed = settled.find(outcome => outcome.status === 'rejected')
  return {
    answers: Object.fromEntries(settled.flatMap((outcome, index) =>
      outcome.status === 'fulfilled' ? [[methods[index]!, outcome.value] as const] : [])),
    readError: failed ? asClientError(failed.reason) : undefined
  }
}

/** A refusal is a result, not a failure. */
export async function probeGateway (target: GatewayTarget, options: ProbeOptions): Promise<ProbeResult> {
  let client: GatewayClient
  try {
    client = await openGateway(target, options)
  } catch (error) {
    return refused(asClientError(error))
  }
  try {
    const { auth, server } = client.hello
    return {
      connected: true,
      connectLatencyMs: client.connectLatencyMs,
      error: undefined,
      capability: capabilityOf(auth.scopes),
      role: auth.role,
      scopes: auth.scopes,
      server,
      ...await ask(client, options.ask)
    }
  } finally {
    await client.close()
  }
}
