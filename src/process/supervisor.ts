/**
 * Tells systemd how the gateway fares: ready, alive, stopping. It listens on a datagram socket, of a kind that Node cannot open.
 * Where the unit hands us that socket already connected (OpenFile=, systemd 253), writing to its descriptor sends a datagram and
 * costs nothing. Elsewhere systemd's own small program is started for each message, which costs two megabytes from the first one on.
 */
import { fstatSync, writeSync } from 'node:fs'
import type { Voice } from './voice.ts'

export interface Supervisor {
  ready (status: string): void
  restarting (): void
  stopping (): void
}

type Send = (lines: readonly string[]) => Promise<void>

/** Names of the protocol, and not for the commands that agents start. */
const ownVariables = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'] as const
const firstDescriptor = 3
const sendTimeoutMs = 10_000
/** Two beats may be lost without anybody noticing. */
const beatsPerLimit = 3

/** The socket that the unit opened for us under this name. */
function givenDescriptor (env: NodeJS.ProcessEnv): number | undefined {
  const count = Number(env['LISTEN_FDS'])
  const at = (env['LISTEN_FDNAMES'] ?? '').split(':').indexOf('notify')
  if (Number(env['LISTEN_PID']) !== process.pid || at < 0 || at >= count) return undefined
  try {
    return fstatSync(firstDescriptor + at).isSocket() ? firstDescriptor + at : undefined
  } catch {
    return undefined
  }
}

async function sendByProgram (socket: string, env: NodeJS.ProcessEnv, lines: readonly string[]): Promise<void> {
  const { spawn } = await import('node:child_process')
  const child = spawn('systemd-notify', [...lines], { env: { PATH: env['PATH'], NOTIFY_SOCKET: socket }, stdio: 'ignore', timeout: sendTimeoutMs })
  // A message that is on its way keeps nobody from leaving.
  child.unref()
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => code === 0 ? resolve() : reject(new Error(`systemd-notify ended with ${code ?? 'a signal'}`)))
  })
}

function createSend (env: NodeJS.ProcessEnv): Send {
  const socket = env['NOTIFY_SOCKET']!
  let descriptor = givenDescriptor(env)
  return async lines => {
    if (descriptor !== undefined) {
      try {
        writeSync(descriptor, lines.join('\n'))
        return
      } catch {
        descriptor = undefined
      }
    }
    await sendByProgram(socket, env, lines)
  }
}

/** The limit is meant for us, or for the launcher that we are the child of. */
function beatMs (env: NodeJS.ProcessEnv): number | undefined {
  const limitMs = Number(env['WATCHDOG_USEC']) / 1000
  const pid = env['WATCHDOG_PID']
  const isOurs = pid === undefined || Number(pid) === process.pid || Number(pid) === process.ppid
  return isOurs && limitMs > 0 ? Math.max(1, Math.floor(limitMs / beatsPerLimit)) : undefined
}

export function createSupervisor (env: NodeJS.ProcessEnv, voice: Voice): Supervisor {
  const send = createSend({ ...env })
  const everyMs = beatMs(env)
  for (const name of ownVariables) delete env[name]
  let before = Promise.resolve()
  let hasFailed = false
  let beating: NodeJS.Timeout | undefined

  /** One after the other: what is said last is what is true. */
  const tell = (...lines: string[]): void => {
    before = before.then(() => send(lines)).then(() => { hasFailed = false }, (error: Error) => {
      if (!hasFailed) voice.say('warn', `systemd could not be told (${lines[0]}): ${error.message}`)
      hasFailed = true
    })
  }

  return {
    ready (status) {
      tell('READY=1', `STATUS=${status.replaceAll(/[\r\n]/g, ' ')}`)
      if (everyMs !== undefined) beating ??= setInterval(tell, everyMs, 'WATCHDOG=1').unref()
    },
    restarting: () => tell('STATUS=restarting'),
    stopping () {
      tell('STOPPING=1', 'STATUS=finishing what is in flight')
    }
  }
}
