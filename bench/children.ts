/** Every process the bench starts, ended by pid whatever happens to the bench. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'

export interface Children {
  /** Starts a gateway as the head of a process group of its own, so that what it spawns ends with it. */
  spawn: (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess
  add: (child: ChildProcess) => void
  stop: (child: ChildProcess) => Promise<void>
  /** `kill -9` of the child and its group; resolves when it is gone. */
  kill: (child: ChildProcess) => Promise<void>
  /** At once and without waiting: for exits and signals. */
  killAll: () => void
}

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

export function createChildren (stopGraceMs = 10_000): Children {
  const heads = new Set<ChildProcess>()
  const members = new Set<ChildProcess>()

  const signalTo = (child: ChildProcess, signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(heads.has(child) ? -child.pid : child.pid, signal)
    } catch {
      // nobody is left: the wanted state
    }
  }
  const forget = (child: ChildProcess): void => {
    heads.delete(child)
    members.delete(child)
  }

  return {
    spawn (command, args, options) {
      const child = spawn(command, args, { ...options, detached: true })
      heads.add(child)
      return child
    },
    add: child => { members.add(child) },
    async stop (child) {
      if (running(child)) {
        const gone = once(child, 'exit')
        signalTo(child, 'SIGTERM')
        const force = setTimeout(() => signalTo(child, 'SIGKILL'), stopGraceMs)
        await gone
        clearTimeout(force)
      }
      if (heads.has(child)) signalTo(child, 'SIGKILL') // stragglers of the group
      forget(child)
    },
    async kill (child) {
      if (running(child)) {
        const gone = once(child, 'exit')
        signalTo(child, 'SIGKILL')
        await gone
      }
      forget(child)
    },
    killAll () {
      for (const child of heads) signalTo(child, 'SIGKILL')
      for (const child of members) if (running(child)) signalTo(child, 'SIGKILL')
    }
  }
}
