/** What stands between a command and its start: the rules, and where they say so a person. */
import type { AllowRule, CommandCheck } from './command-check.ts'
import { checkCommand } from './command-check.ts'
import { effectivePolicy, judge, judgeAlone, type Ask, type ExecPolicy, type PolicyWords, type Security, type Verdict } from './exec-policy.ts'
import { ToolBlocked } from '../invocation.ts'
import type { Foreseen } from '../tool.ts'
import type { ExecSettings } from './settings.ts'

/** The approvals document as it counts for one agent. */
export interface HostRules {
  readonly words: PolicyWords
  readonly rules: readonly AllowRule[]
}

export interface ConsentRequest {
  readonly command: string
  readonly cwd: string
  readonly agentId: string
  readonly sessionKey: string
  readonly runId?: string
  readonly callId: string
  readonly host: 'gateway' | 'sandbox' | 'node'
  /** The machine, when it is none of ours. */
  readonly nodeId?: string
  readonly security: Security
  readonly ask: Ask
  readonly check: CommandCheck
  readonly because: string
  readonly signal: AbortSignal
}

export type Consent =
  | { readonly kind: 'allowed', readonly id: string }
  | { readonly kind: 'denied', readonly id: string, readonly reason: 'user-denied' | 'timeout' | 'cancelled' }
  /** Nobody who could decide is connected. */
  | { readonly kind: 'nobody', readonly id: string }

/** Whoever keeps the document and asks people. */
export interface Consents {
  rulesFor (agentId: string): Promise<HostRules>
  ask (request: ConsentRequest): Promise<Consent>
}

export interface Question extends Omit<ConsentRequest, 'security' | 'ask' | 'check' | 'because'> {
  readonly searchPath: string
  readonly settings: ExecSettings
  /** What the call asks for; it can only be stricter. */
  readonly words: PolicyWords
}

const denials: { readonly [reason in Extract<Consent, { kind: 'denied' }>['reason']]: string } = {
  'user-denied': 'a person said no (user-denied)',
  timeout: 'nobody decided in time',
  cancelled: 'the request was cancelled'
}

interface Doubt { readonly policy: ExecPolicy, readonly check: CommandCheck, readonly because: string }

export async function askPerson (consents: Consents, question: Question, { policy, check, because }: Doubt): Promise<string | undefined> {
  const { searchPath: _path, settings: _settings, words: _words, ...request } = question
  const consent = await consents.ask({ ...request, security: policy.security, ask: policy.ask, check, because })
  if (consent.kind === 'allowed') return undefined
  if (consent.kind === 'denied') {
    return `exec was denied (approval ${consent.id}): ${denials[consent.reason]}. Do not try the same again; ask what to do instead.`
  }
  if (judgeAlone(policy, check)) return undefined
  const text = `exec needs approval (${because}), and headless runs cannot wait: no client that can approve is connected (approval ${consent.id}). ` +
    'Open the control UI, or allow the command: openclaw approvals allowlist add.'
  // An agent reads it and goes on; a program is told in the way of programs.
  if (question.runId === undefined) throw new ToolBlocked(text, { requiresApproval: true })
  return text
}

interface Judged { readonly policy: ExecPolicy, readonly check: CommandCheck, readonly verdict: Verdict }

async function judged (consents: Consents, { settings, command, cwd, agentId, searchPath, words }: Question): Promise<Judged> {
  const host = await consents.rulesFor(agentId)
  const check = await checkCommand(command, { cwd, searchPath, rules: [...settings.rules, ...host.rules], places: settings.places })
  const policy = effectivePolicy([...settings.layers, host.words, words])
  return { policy, check, verdict: judge(policy, check) }
}

const refused = (because: string): string => `exec was refused: ${because}.`

/** The same without asking anybody. */
export async function foreseeConsent (consents: Consents, question: Question): Promise<Foreseen> {
  const { verdict } = await judged(consents, question)
  if (verdict.kind === 'run') return { wouldRun: true }
  if (verdict.kind === 'refuse') return { wouldRun: false, because: refused(verdict.because) }
  return { wouldRun: false, because: `exec would wait for the consent of a person: ${verdict.because}.`, requiresApproval: true }
}

/** Why the command may not run; undefined when it may. */
export async function consentProblem (consents: Consents, question: Question): Promise<string | undefined> {
  const { policy, check, verdict } = await judged(consents, question)
  if (verdict.kind === 'refuse') return refused(verdict.because)
  if (verdict.kind === 'ask') return await askPerson(consents, question, { policy, check, because: verdict.because })
  return undefined
}
