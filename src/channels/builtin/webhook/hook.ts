/** Programs call us. */
import { createRecent } from '../../../lib/recent.ts'
import type { AccountContext, WebhookAnswer, WebhookRequest } from '../../define-channel.ts'
import { createHookDoor, hookAnswer } from '../../http/hook-door.ts'
import { parseJson } from '../../http/service.ts'
import { Misfit, readBody, type Fetch } from './inbound.ts'
import type { WebhookSettings } from './settings.ts'
import { signatureProblem } from './signature.ts'

const rememberedIds = 5000

type Context = Pick<AccountContext, 'accountId' | 'log' | 'now' | 'activity' | 'receive'>
type Hook = (request: WebhookRequest) => Promise<WebhookAnswer>

export function createHook ({ secret, previousSecret, toleranceMs }: WebhookSettings, context: Context, fetch: Fetch): Hook {
  const { accountId, log, now, activity, receive } = context
  const secrets = [secret, ...previousSecret === undefined ? [] : [previousSecret]]
  /** Spares work. That nothing counts twice, also after a restart, is looked after where messages are kept. */
  const taken = createRecent<Promise<WebhookAnswer>>(rememberedIds)
  const door = createHookDoor({ service: 'a webhook', log })

  return async request => {
    if (request.method !== 'POST') return { ...hookAnswer(405, 'POST only'), headers: { allow: 'POST' } }
    const problem = signatureProblem(secrets, request, now(), toleranceMs)
    if (problem !== undefined) return hookAnswer(401, problem)
    const body = parseJson(request.body)
    if (!body) return hookAnswer(400, 'the body must be a JSON object')
    let message: ReturnType<typeof readBody>
    try {
      message = readBody(body, accountId, now(), fetch)
    } catch (error) {
      if (error instanceof Misfit) return hookAnswer(422, error.message)
      throw error
    }
    activity()
    const { eventId: id } = message
    const earlier = taken.get(id)
    if (earlier) return { ...await earlier, body: { ok: (await earlier).status === 200, id, duplicate: true } }
    const work = door(async () => await receive(message))
    taken.set(id, work)
    const answer = await work
    if (answer.status === 200) return { ...answer, body: { ok: true, id } }
    // It may come again.
    taken.delete(id)
    return answer
  }
}
