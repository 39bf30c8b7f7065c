import { isGatewayError } from '../../protocol/errors.ts'
import { Type } from '../../protocol/type.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'
import { forbidden, problem } from './answers.ts'
import { changesSince } from './changes.ts'
import { modelOf, sessionFields, stateVersionOf } from './fields.ts'
import { find, unknownSession, type Found } from './lookup.ts'
import type { SessionToolSources } from './ports.ts'
import { blank, statusCard } from './status-card.ts'

/** Undefined when it is chosen; the model stays chosen for this conversation alone. */
async function chooseModel (
  name: string, { key, agentId }: Found, context: ToolContext, { sessions, models }: SessionToolSources
): Promise<ToolResult | undefined> {
  if (context.isOwner !== true) {
    return forbidden('Only the owner of the gateway chooses the model of a conversation. Ask them: openclaw sessions, or sessions.patch.', { sessionKey: key })
  }
  const isDefault = /^default$/i.test(name.trim())
  const model = isDefault ? undefined : models.find(name)
  if (model && !models.allowed(model, agentId)) {
    return forbidden(`agents.defaults.modelPolicy.allow does not name ${model.provider}/${model.id}.`, { sessionKey: key })
  }
  try {
    await sessions.lifecycle.patch(key, { model: isDefault ? null : name })
    return undefined
  } catch (error) {
    if (isGatewayError(error) && error.status < 500) return problem(error.message, { sessionKey: key })
    throw error
  }
}

function detailsOf (record: SessionRecord, changed: boolean, context: ToolContext, sources: SessionToolSources): object {
  const { sessions } = sources
  const { sessionKey, agentId, isOwner = false, runId } = context
  const model = modelOf(record, sources)
  const statusText = statusCard(record, { version: sources.version, now: sources.now(), model })
  const tools = sources.allowed({ agentId: record.agentId, sessionKey: record.key, isOwner, surface: runId === undefined ? 'http' : 'run' })
  const thinking = record.thinkingLevel ?? sessions.factsOf(record).thinkingDefault
  const isLive = runId !== undefined && record.key === sessionKey && agentId === record.agentId
  return {
    ok: true,
    ...sessionFields(record, sources),
    changedModel: changed,
    ...(model ? { model: model.model, modelProvider: model.provider } : {}),
    ...(record.modelOverride === undefined ? {} : { modelOverride: `${record.providerOverride ?? model?.provider}/${record.modelOverride}` }),
    ...(record.status ? { status: record.status } : {}),
    ...(record.spawnedBy ? { spawnedBy: record.spawnedBy } : {}),
    toolsAvailable: tools.map(({ name }) => name),
    runtimeInfo: { thinking, ...(model ? { modelIdentity: `${model.provider}/${model.model}` } : {}) },
    ...(isLive && record.lastChannel ? { route: { channel: record.lastChannel, ...(record.lastTo ? { to: record.lastTo } : {}) } } : {}),
    stateVersion: stateVersionOf(record),
    statusText
  }
}

/** Tells about a conversation: its model, its tokens, its cost, what it may use, and what time it is. */
export const sessionStatus = (sources: SessionToolSources): Tool => defineTool({
  name: 'session_status',
  description: 'Shows the state of a conversation: model, tokens, cost, tools, and the current time. Can choose its model.',
  params: Type.Object({
    sessionKey: Type.Optional(Type.String({ maxLength: 512, description: 'Another conversation; absent or "current": this one.' })),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'The model from now on, "provider/model" or an alias; "default": none of its own.' })),
    changesSince: Type.Optional(Type.Integer({ minimum: 0, description: 'A stateVersion: tells what happened since.' }))
  }),
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  // Choosing the same model twice is choosing it once.
  effects: false,
  async run ({ sessionKey = 'current', model, changesSince: version }, context) {
    const found = await find(sessionKey, context, sources)
    const { key, agentId, refusal } = found
    if (refusal !== undefined) return forbidden(`${key} is out of reach: ${refusal}.`, { sessionKey: key })
    const isHere = key === context.sessionKey || key.endsWith(':main')
    if (!found.record && !isHere) return { ...problem(unknownSession(sessionKey), { sessionKey: key }), isError: true }
    const refused = model === undefined ? undefined : await chooseModel(model, found, context, sources)
    if (refused) return refused
    const record = sources.sessions.get(key) ?? blank(key, agentId, sources.now())
    const changes = version === undefined ? {} : await changesSince(record, version, sources)
    const details = { ...detailsOf(record, model !== undefined, context, sources), ...changes }
    const { statusText } = details as unknown as { statusText: string }
    return { content: [{ type: 'text', text: statusText }], details }
  }
})
