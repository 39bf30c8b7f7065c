import t from 'tap'
import { isOwners } from '../../src/agent/answerable.ts'
import type { AssistantMessage, Message } from '../../src/protocol/transcript.ts'

const user = (senderIsOwner: boolean | undefined): Message => ({
  role: 'user', content: 'x', timestamp: 1, idempotencyKey: 'k:user', ...(senderIsOwner === undefined ? {} : { __openclaw: { senderIsOwner } })
})
const summary: Message = { role: 'user', content: 'Summary of the conversation so far', timestamp: 1 }
const result: Message = { role: 'toolResult', toolCallId: 'c', toolName: 'look', content: [], isError: false, timestamp: 1 }
const reply = (stopReason: AssistantMessage['stopReason']): Message => ({
  role: 'assistant', content: [], api: 'x', provider: 'x', model: 'x', usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }, stopReason, timestamp: 1
})

t.test('what the owner wrote since the last reply makes a run theirs', async t => {
  t.equal(isOwners([user(true)]), true)
  t.equal(isOwners([user(false), reply('stop'), user(true)]), true)
  t.equal(isOwners([user(true), reply('toolUse'), result]), true)
  t.equal(isOwners([summary, user(true)]), true)
})

t.test('one message of somebody else takes it away', async t => {
  t.equal(isOwners([user(true), user(false)]), false)
  t.equal(isOwners([user(false), reply('toolUse'), result, user(true)]), false)
  t.equal(isOwners([user(undefined), user(true)]), false)
})

t.test('where nobody is known to have written, nobody owns', async t => {
  t.equal(isOwners([]), false)
  t.equal(isOwners([summary]), false)
  t.equal(isOwners([user(true), reply('stop')]), false)
})
