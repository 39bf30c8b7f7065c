import { command, flag, oneOfWords, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionKeyOf } from '../session-lookup.ts'
import { sessionCourse, sessionKeyArgument } from '../session-view.ts'
import { withGateway } from '../with-gateway.ts'

/** "-" takes a setting back. */
const orNull = (value: string | undefined): { value: string | null } | undefined =>
  value === undefined ? undefined : { value: value === '-' ? null : value }

const fields = { label: 'label', group: 'category', model: 'model', thinking: 'thinkingLevel', verbose: 'verboseLevel', permissions: 'permissionMode' } as const

function oneOf (on: boolean, off: boolean, what: string): boolean | undefined {
  if (on && off) throw new UsageError(`Choose one of the two flags about ${what}`)
  return on ? true : off ? false : undefined
}

export default command({
  name: 'sessions patch',
  summary: 'Change the settings of a conversation',
  details: 'The value "-" takes a setting back.',
  args: [sessionKeyArgument],
  options: {
    ...rpcOptions,
    label: text('text', 'Its name; no two conversations have the same'),
    group: text('name', 'The group it is sorted into'),
    model: text('provider/model', 'The model it runs on'),
    thinking: text('level', 'How much the model thinks'),
    verbose: text('level', 'How much of its work a reply shows'),
    permissions: oneOfWords('mode', ['read-only', 'guarded', 'workspace', 'full', '-'], 'What its tools may do'),
    pin: flag('Keep it on top'),
    unpin: flag('No longer'),
    archive: flag('Put it away'),
    restore: flag('Bring it back'),
    read: flag('Mark it as read')
  },
  examples: [
    ['openclaw sessions patch main --model openai/gpt-5 --thinking high', 'For this conversation only.'],
    ['openclaw sessions patch main --model -', 'Back to the model of the agent.'],
    ['openclaw sessions patch agent:main:scratch --archive', 'It leaves the list; --restore brings it back.']
  ],
  run: context => withGateway(context, sessionCourse('Sessions patch'), async ({ client }) => {
    const { out, options } = context
    const key = await sessionKeyOf(client, context.args[0])
    const patch: { [field: string]: unknown } = {}
    for (const [name, field] of Object.entries(fields)) {
      const given = orNull(options[name as keyof typeof fields])
      if (given) patch[field] = given.value
    }
    const pinned = oneOf(options.pin, options.unpin, 'pinning')
    const archived = oneOf(options.archive, options.restore, 'archiving')
    if (pinned !== undefined) patch.pinned = pinned
    if (options.read) patch.unread = false
    if (archived !== undefined) {
      const { session } = await client.request('sessions.describe', { key }) as { session: { sessionId: string } | null }
      Object.assign(patch, { archived, ...(session ? { expectedSessionId: session.sessionId } : {}) })
    }
    if (Object.keys(patch).length === 0) throw new UsageError('Nothing to change: openclaw sessions patch --help lists the settings')
    const result = await client.call('sessions.patch', { key, ...patch })
    if (options.json) out.json(result)
    else out.line(`${key} is changed.`)
    return 0
  })
})
