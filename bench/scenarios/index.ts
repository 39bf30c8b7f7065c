import { channelStart } from './channel-start.ts'
import { coldStart } from './cold-start.ts'
import { connects } from './connects.ts'
import { crash } from './crash.ts'
import { delivery } from './delivery.ts'
import { exec } from './exec.ts'
import { fanout } from './fanout.ts'
import { firstToken } from './first-token.ts'
import { guessers } from './guessers.ts'
import { http } from './http.ts'
import { idle } from './idle.ts'
import { openaiChat } from './openai-chat.ts'
import { rpc } from './rpc.ts'
import { sessionsList } from './sessions-list.ts'
import { soak } from './soak.ts'
import { turnMemory } from './turn-memory.ts'
import { turns } from './turns.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [
  coldStart, channelStart, connects, rpc, http, idle, fanout, guessers, turns, firstToken, sessionsList, delivery, turnMemory, crash, openaiChat, exec, soak
]
