import { coldStart } from './cold-start.ts'
import { connects } from './connects.ts'
import { fanout } from './fanout.ts'
import { guessers } from './guessers.ts'
import { http } from './http.ts'
import { idle } from './idle.ts'
import { rpc } from './rpc.ts'
import { turns } from './turns.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [coldStart, connects, rpc, http, idle, fanout, guessers, turns]
