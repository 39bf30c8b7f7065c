import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { createEventPrinter, createReplyPrinter, printable, replyText, type AgentAnswer, type ReplyPrinter } from '../agent-reply.ts'
import { refuseInAgentShell } from '../agent-shell.ts'
import { isClientError } from '../client-error.ts'
import { command, flag, integer, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

const { timeout: _milliseconds, ...gatewayOptions } = rpcOptions
const connectTimeoutMs = 10_000
/** The gateway ends the run itself; then its answer is on the way. */
const answerMarginMs = 15_000
const maxMessageBytes = 4 * 1024 * 1024

const options = {
  ...gatewayOptions,
  message: text('text', 'What to say', { short: 'm' }),
  messageFile: text('path', 'What to say, from a file (at most 4 MiB); "-" reads standard input'),
  agent: text('id', 'Agent to talk to (openclaw agents list)'),
  sessionKey: text('key', 'Conversation to go on with, such as agent:ops:incident-42'),
  sessionId: text('id', 'The same by the id of its transcript'),
  to: text('number', 'The conversation with this person', { short: 't' }),
  model: text('name', 'Another model for this run: provider/model or an alias'),
  thinking: text('level', 'How much the model thinks: off, minimal, low, medium, high'),
  timeout: integer('seconds', 'How long the run may take', { min: 1, max: 172_800 }, 600),
  stream: flag('Print the reply as it comes, which is the default on a terminal; with --json one document for each event')
}

type Flags = OptionValues<typeof options>

async function readFileWhole (path: string): Promise<string> {
  const handle = await open(path).catch((error: Error) => { throw new UsageError(`--message-file cannot be read: ${error.message}`) })
  try {
    const { size } = await handle.stat()
    if (size > maxMessageBytes) throw new UsageError(`--message-file is larger than ${maxMessageBytes} bytes`)
    return await handle.readFile('utf8').catch((error: Error) => { throw new UsageError(`--message-file cannot be read: ${error.message}`) })
  } finally {
    await handle.close()
  }
}

async function messageOf ({ options: { message, messageFile }, io }: CommandContext<Flags>): Promise<string> {
  if (message !== undefined && messageFile !== undefined) throw new UsageError('Give --message or --message-file, not both')
  const said = message ?? (messageFile === '-' ? await textOf(io.stdin as NodeJS.ReadStream) : messageFile ? await readFileWhole(messageFile) : undefined)
  if (said === undefined || said.trim() === '') throw new UsageError('Say something: openclaw agent --message "…"')
  return said
}

/** Whom it goes to. Nothing named: the main conversation of the default agent. */
function placeOf ({ agent, sessionKey, sessionId, to }: Flags): object {
  if ([sessionKey, sessionId, to].filter(given => given !== undefined).length > 1) {
    throw new UsageError('Give only one of --session-key, --session-id and --to')
  }
  const owner = agent === undefined ? {} : { agentId: agent }
  if (sessionId !== undefined) return { sessionId, ...owner }
  return { sessionKey: sessionKey ?? (to === undefined ? 'main' : `direct:${to}`), ...owner }
}

function printerFor ({ options: { json, stream }, io, out }: CommandContext<Flags>, runId: string): ReplyPrinter | undefined {
  if (json) return stream ? createEventPrinter(runId, out) : undefined
  return stream || io.stdout.isTTY ? createReplyPrinter(runId, text => { if (!out.gone) io.stdout.write(text) }) : undefined
}

function show ({ options: { json }, out }: CommandContext<Flags>, answer: AgentAnswer, printer: ReplyPrinter | undefined): number {
  const ok = answer.status === 'ok'
  if (printer) printer.finish(answer)
  else if (json) out.json(answer)
  else if (replyText(answer) !== '') out.line(printable(replyText(answer)))
  if (!ok && !json) out.note(`Agent failed: ${printable(answer.error ?? answer.summary ?? answer.status)}`)
  return ok ? 0 : 1
}

async function converse (context: CommandContext<Flags>, client: GatewayClient, message: string): Promise<number> {
  const { options: { model, thinking, timeout }, out } = context
  const runId = randomUUID()
  const printer = printerFor(context, runId)
  if (printer) client.onEvent(printer.hear)
  const request = {
    message,
    idempotencyKey: runId,
    ...placeOf(context.options),
    ...(model === undefined ? {} : { model }),
    ...(thinking === undefined ? {} : { thinking }),
    timeout
  }
  try {
    const answer = await client.request('agent', request, { timeoutMs: timeout * 1000 + answerMarginMs, expectFinal: true })
    return show(context, answer as unknown as AgentAnswer, printer)
  } catch (error) {
    // What was accepted is not lost with the connection.
    if (isClientError(error) && (error.kind === 'transport' || error.retryable)) {
      out.note(`If it was accepted the run goes on: openclaw gateway call agent.wait --params '{"runId":"${runId}"}'`)
    }
    throw error
  }
}

export default command({
  name: 'agent',
  summary: 'Say something to an agent and print its reply',
  details: 'The exit code is 0 when the agent has answered, else 1.',
  options,
  examples: [
    ['openclaw agent --message "Hello"', 'To the main conversation of the default agent.'],
    ['openclaw agent --agent ops -m "Summarise the logs" --json', 'To another agent; one JSON document with reply, model and usage.'],
    ['openclaw agent --session-key agent:ops:incident-42 --message-file ./task.md', 'In a conversation of its own.']
  ],
  async run (context) {
    refuseInAgentShell('Agent', 'agent', context.io.env)
    const message = await messageOf(context)
    placeOf(context.options)
    const calling = { ...context, options: { ...context.options, timeout: connectTimeoutMs } }
    return await withGateway(calling, { doing: 'Agent', administrative: true }, async ({ client }) => await converse(context, client, message))
  }
})
