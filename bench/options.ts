import { parseArgs } from 'node:util'

export interface BenchOptions {
  readonly targets: readonly ('ours' | 'ceiling' | 'peer' | 'url')[]
  readonly dist: boolean
  readonly peer?: string
  readonly url?: string
  /** Of the gateway behind --url. */
  readonly pid?: number
  readonly secret: { token?: string, password?: string }
  readonly rounds: number
  readonly windowMs: number
  readonly scale: number
  readonly agents: number
  readonly only?: readonly string[]
  readonly json?: string
  readonly detail: boolean
  readonly check: boolean
  readonly help: boolean
}

export const usage = `usage: npm run bench -- [options]

Targets (default: ours beside the ceiling)
  --ceiling            only the bare servers
  --peer ENTRY         put another gateway package beside ours: path of its executable JavaScript file
  --target NAME,…      exactly these of: ours, peer, ceiling
  --dist               ours from the compiled package in dist/ in place of src/
  --url ws://…         a gateway that runs already, in place of ours; with --token or
                       --password, and --pid N for CPU and memory
  --agents N           agents in the configuration of ours and the peer (default 0)

Measurement
  --only NAME,…        scenarios: cold-start, connects, rpc, http, idle, fanout, guessers,
                       turns, first-token, sessions-list, delivery, turn-memory, crash;
                       soak only when it is named here
  --rounds N           rounds of all targets in turn; the table shows medians (default 3)
  --seconds S          length of one measured window (default 3)
  --scale F            share of clients and subscribers, 0.01 to 1 (default 1)

Result
  --json FILE          also write every round to FILE
  --detail             also print which side was busier, server or load
  --check              exit 1 when something that is wanted is missed`

const bounded = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (!(value >= min && value <= max)) throw new Error(`--${name} takes a number from ${min} to ${max}, not ${text}`)
  return value
}

const list = (text: string | undefined): string[] | undefined => text?.split(',').map(part => part.trim()).filter(Boolean)

const targetNames = ['ours', 'ceiling', 'peer', 'url'] as const
type Chosen = typeof targetNames[number]

function chosenTargets (values: { ceiling: boolean, target?: string, peer?: string, url?: string }): Chosen[] {
  if (values.ceiling) return ['ceiling']
  const named = list(values.target)
  if (named === undefined) return [values.url ? 'url' : 'ours', 'ceiling', ...(values.peer ? ['peer' as const] : [])]
  const unknown = named.find(name => !targetNames.includes(name as Chosen))
  if (unknown !== undefined) throw new Error(`--target knows ours, peer and ceiling, not ${unknown}`)
  if (named.includes('peer') && !values.peer) throw new Error('--target peer needs --peer ENTRY')
  return named as Chosen[]
}

export function parseOptions (args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ceiling: { type: 'boolean', default: false },
      target: { type: 'string' },
      dist: { type: 'boolean', default: false },
      peer: { type: 'string' },
      url: { type: 'string' },
      pid: { type: 'string' },
      token: { type: 'string' },
      password: { type: 'string' },
      agents: { type: 'string', default: '0' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      json: { type: 'string' },
      detail: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  return {
    targets: chosenTargets(values),
    dist: values.dist,
    peer: values.peer,
    url: values.url,
    pid: values.pid === undefined ? undefined : bounded('pid', values.pid, 1, 2 ** 31),
    secret: { ...(values.token ? { token: values.token } : {}), ...(values.password ? { password: values.password } : {}) },
    rounds: Math.round(bounded('rounds', values.rounds, 1, 100)),
    windowMs: bounded('seconds', values.seconds, 0.02, 60) * 1000,
    scale: bounded('scale', values.scale, 0.01, 1),
    agents: Math.round(bounded('agents', values.agents, 0, 10_000)),
    only: list(values.only),
    json: values.json,
    detail: values.detail,
    check: values.check,
    help: values.help
  }
}
