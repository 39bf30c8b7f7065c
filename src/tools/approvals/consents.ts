/** Asks people for commands, on behalf of the tool that wants to run one. */
import type { CommandCheck } from '../exec/command-check.ts'
import type { Consent, ConsentRequest, Consents } from '../exec/consent.ts'
import type { Approvals } from './approvals.ts'
import type { ApprovalsDocument } from './document.ts'
import { execPresentation, execRequest, type ApprovalRecord, type Decision, type ExecQuestion } from './record.ts'

export interface ConsentsOptions {
  readonly approvals: Approvals
  readonly document: ApprovalsDocument
  /** The gateway goes down: what is pending waits for the next one. */
  readonly isStopping: () => boolean
}

export const execTimeoutMs = 30 * 60_000

const always: readonly Decision[] = ['allow-once', 'allow-always', 'deny']
const once: readonly Decision[] = ['allow-once', 'deny']

const questionOf = ({ callId, check, because, signal: _signal, ...facts }: ConsentRequest): ExecQuestion => ({
  ...facts,
  toolCallId: callId,
  resolvedPath: check.commands[0]?.resolvedPath ?? null,
  warningText: because,
  commandCount: Math.max(1, check.commands.length),
  // A yes for ever must mean exactly this command, and is worth nothing where every command is asked about.
  allowedDecisions: check.isRepeatable && facts.ask !== 'always' ? always : once
})

const isSame = ({ command, cwd, agentId, sessionKey, runId }: ConsentRequest) => (record: ApprovalRecord): boolean =>
  record.kind === 'exec' && runId !== undefined && record.runId === runId && record.sessionKey === sessionKey && record.agentId === agentId &&
  record.request['command'] === command && record.request['cwd'] === cwd

/** The run is ended in its own time; until then it gets no answer that its conversation would remember. */
const ended = (signal: AbortSignal): Promise<void> => new Promise(resolve => {
  if (signal.aborted) resolve()
  else signal.addEventListener('abort', () => resolve(), { once: true })
})

export function createConsents ({ approvals, document, isStopping }: ConsentsOptions): Consents {
  const ask = (request: ConsentRequest): Promise<ApprovalRecord> => {
    const { agentId, sessionKey, runId } = request
    const question = questionOf(request)
    return approvals.request({
      kind: 'exec',
      request: execRequest(question),
      presentation: execPresentation(question),
      agentId,
      sessionKey,
      ...(runId === undefined ? {} : { runId }),
      timeoutMs: execTimeoutMs
    })
  }

  async function act ({ id, outcome, resolver }: ApprovalRecord, agentId: string, check: CommandCheck): Promise<Consent> {
    if (outcome?.status === 'denied' && outcome.reason === 'no-route') return { kind: 'nobody', id }
    if (outcome?.status === 'allowed') {
      // Durable before the command begins: one yes is for one start, also when the gateway does not survive it.
      await approvals.take(id)
      if (outcome.decision === 'allow-always') await document.grant(agentId, check, { approvalId: id, by: resolver?.id })
      return { kind: 'allowed', id }
    }
    if (outcome?.status === 'denied') return { kind: 'denied', id, reason: 'user-denied' }
    return { kind: 'denied', id, reason: outcome?.status === 'expired' ? 'timeout' : 'cancelled' }
  }

  return {
    rulesFor: agentId => document.rulesFor(agentId),
    async ask (request) {
      const { signal, agentId, check } = request
      const asked = await approvals.untaken(isSame(request)) ?? await ask(request)
      const decided = await approvals.wait(asked.id, signal)
      if (!decided.outcome && isStopping()) await ended(signal)
      else if (!decided.outcome) await approvals.cancel(decided.id)
      if (signal.aborted) return { kind: 'denied', id: decided.id, reason: 'cancelled' }
      return await act(decided, agentId, check)
    }
  }
}
