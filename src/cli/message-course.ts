/** What the commands that send, change and take back messages have in common. */
import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { escapeControl } from '../lib/text.ts'
import { typeOfName } from '../lib/media-type.ts'
import { refuseInAgentShell } from './agent-shell.ts'
import { accountOf, channelOf, readChannels } from './channel-config.ts'
import { channelCourse } from './channel-view.ts'
import { flag, text, type CommandContext } from './define-command.ts'
import { CommandFailure } from './failure.ts'
import { rpcOptionsWith } from './rpc-options.ts'
import { withGateway, type RpcFlags } from './with-gateway.ts'

export const messageOptions = {
  ...rpcOptionsWith(60_000),
  channel: text('name', 'Channel (needed when there are several; a target such as telegram:123 names it, too)'),
  account: text('id', 'Account (default: the default one of the channel)'),
  target: text('dest', 'Chat or person: an id as the service knows it; for webchat a session key', { short: 't' }),
  dryRun: flag('Say what would be sent, and send nothing'),
  verbose: flag('Without effect here', { hidden: true })
}

export interface MessageFlags extends RpcFlags {
  readonly channel?: string | undefined
  readonly account?: string | undefined
  readonly target?: string | undefined
  readonly dryRun: boolean
}

export type Fields = { readonly [name: string]: unknown }

const maxFileBytes = 16 * 1024 * 1024

/** A file of this machine as its bytes: its path would mean nothing to a gateway elsewhere. */
export async function fileFields (pathOrUrl: string): Promise<Fields> {
  if (/^https?:\/\//i.test(pathOrUrl)) return { media: pathOrUrl }
  const path = pathOrUrl.replace(/^file:\/\//, '')
  const file = await open(path, 'r').catch((error: Error) => { throw new CommandFailure(`${path} cannot be read: ${error.message}`) })
  try {
    const { size } = await file.stat()
    if (size > maxFileBytes) throw new CommandFailure(`${path} has ${size} bytes; at most ${maxFileBytes} can be sent from here.`)
    const bytes = await file.readFile()
    return { buffer: bytes.toString('base64'), filename: basename(path), contentType: typeOfName(path) }
  } finally {
    await file.close()
  }
}

const given = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== false))

export interface Performed {
  readonly channel: string
  readonly status?: string
  readonly messageId?: string
  readonly queueId?: string
  readonly dryRun?: boolean
}

async function channelFor (context: CommandContext<MessageFlags>): Promise<string> {
  const { channel, target = '' } = context.options
  const file = await readChannels(context)
  if (channel !== undefined && channel.trim() !== '') return channel.trim().toLowerCase()
  const prefix = /^([a-z][\w-]*):/i.exec(target)?.[1]?.toLowerCase()
  return prefix !== undefined && (prefix === 'webchat' || file.channels.includes(prefix)) ? prefix : channelOf(channel, file)
}

const withoutBytes = ({ buffer, ...fields }: Fields): Fields =>
  typeof buffer === 'string' ? { ...fields, bytes: Math.floor(buffer.length * 3 / 4) } : fields

/** One action; several files make one message each, the text goes with the first. */
export async function act (
  context: CommandContext<MessageFlags>, action: string, fields: Fields, done: (answer: Performed) => string, media: readonly Fields[] = []
): Promise<number> {
  const { out, options: { json, dryRun, target, account, timeout } } = context
  const doing = `Message ${action}`
  refuseInAgentShell(doing, 'message.action', context.io.env)
  if (!target?.trim()) throw new CommandFailure('--target is missing: the id of a chat or of a person')
  const channel = await channelFor(context)
  const accountId = accountOf(account)
  const base = given({ ...fields, target, accountId })
  const waits = { waitMs: Math.max(1, timeout - 1000) }
  const all = [{ ...base, ...media[0] }, ...media.slice(1).map(file => ({ target, accountId, ...file }))]
  return await withGateway(context, channelCourse(doing), async ({ client }) => {
    for (const params of all) {
      const payload = await client.request('message.action', {
        channel, action, params: given({ ...params, ...waits, dryRun }), idempotencyKey: randomUUID()
      }) as unknown as Performed
      const { messageId } = payload
      const more = dryRun ? { params: withoutBytes(params) } : {}
      if (json) out.json({ action, channel, dryRun, handledBy: 'gateway', ...(messageId === undefined ? {} : { messageId }), payload, ...more })
      else if (dryRun) out.line(escapeControl(`Would ${action} by way of ${channel}: ${JSON.stringify(withoutBytes(params))}`, 2000))
      else out.line(escapeControl(done(payload), 400))
    }
    return 0
  })
}
