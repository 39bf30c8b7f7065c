/** Who has the state directory and the configuration, and what those left behind who are gone. */
import { realpath, rm, stat } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeProcess } from '../../lib/process-info.ts'
import { readIfPresent } from '../../lib/private-file.ts'
import { acquireStateLock, isHeldOutOfSight, judgeLockFile, stateLockPath } from '../../lib/state-lock.ts'
import type { LocalSettings } from '../local-settings.ts'
import type { Check, Facts, Finding } from './finding.ts'

const answerMs = 3_000

/** A handshake is an answer, too: whom to trust is not asked here. */
function answersOverTls (host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = process.getBuiltinModule('node:tls').connect({ host, port, rejectUnauthorized: false, timeout: answerMs })
    const end = (answered: boolean) => () => { socket.destroy(); resolve(answered) }
    socket.once('secureConnect', end(true)).once('timeout', end(false)).on('error', end(false))
  })
}

async function answers ({ loopbackHost: host, tls }: Pick<LocalSettings, 'loopbackHost' | 'tls'>, port: number): Promise<boolean> {
  if (tls.enabled) return await answersOverTls(host, port)
  try {
    const response = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(answerMs), headers: { connection: 'close' } })
    return response.ok && /"live"/.test(await response.text())
  } catch {
    return false
  }
}

async function silentOwner ({ settings, owner }: Facts): Promise<Finding[]> {
  if (owner === undefined || await answers(settings, owner.port ?? settings.port)) return []
  return [{
    checkId: 'lock.silent-owner',
    severity: 'error',
    message: `process ${owner.pid} holds the state directory and does not answer on port ${owner.port ?? settings.port}`,
    fixHint: `It may still be starting or stopping; if it stays so: openclaw gateway restart, or kill ${owner.pid}`
  }]
}

/** A lock file is written in one go; one that says nothing for so long was cut off, by a full disk or a power cut. */
const writtenWithinMs = 30_000

/** When the file was written; undefined when there is none. */
const writtenAt = (path: string): Promise<number | undefined> => stat(path).then(({ mtimeMs }) => mtimeMs, () => undefined)

const isOld = (atMs: number): boolean => Date.now() - atMs > writtenWithinMs

/** As a start does it: the lock is taken by the same rules, which put what is stale aside, and let go again. */
async function takeOver ({ paths, configPath, port }: LocalSettings): Promise<void> {
  const lock = await acquireStateLock({ stateDir: paths.stateDir, configPath, port, now: Date.now })
  lock.release()
}

async function stateLock ({ settings }: Facts): Promise<Finding[]> {
  const { stateDir } = settings.paths
  const path = stateLockPath(stateDir)
  const atMs = await writtenAt(path)
  const judged = await judgeLockFile(path)
  if (judged.state === 'held') return []
  if (isHeldOutOfSight(stateDir)) {
    const message = `a gateway that cannot be seen from here, in another container or of another user, holds ${stateDir}`
    return [{ checkId: 'lock.elsewhere', severity: 'warning', path, message, fixHint: 'Stop it where it runs, or give this one an OPENCLAW_STATE_DIR of its own.' }]
  }
  if (atMs === undefined) return []
  if (judged.state === 'unreadable') return [unreadable(settings, path, atMs)]
  const { owner: { startedAt }, why } = judged
  return [{
    checkId: 'lock.stale',
    severity: 'info',
    path,
    message: `a gateway that ended without a word left its lock${startedAt === undefined ? '' : ` of ${startedAt}`}: ${why}`,
    fixHint: 'The next start takes it over by itself, and so does openclaw doctor --fix.',
    async repair () {
      await takeOver(settings)
      return `removed ${path}: ${why}`
    }
  }]
}

function unreadable (settings: LocalSettings, path: string, atMs: number): Finding {
  const found = { checkId: 'lock.unreadable', severity: 'warning' as const, path, message: `the lock ${path} names nobody` }
  if (!isOld(atMs)) return { ...found, fixHint: 'It is only just being written, perhaps: look again in half a minute.' }
  return {
    ...found,
    fixHint: 'The next start sets it aside, and so does openclaw doctor --fix.',
    async repair () {
      await takeOver(settings)
      return `set ${path} aside (.unreadable): nobody holds the state directory`
    }
  }
}

/** Locks of the existing gateway for its configuration, and those of other users on this state directory. */
async function beside ({ paths: { stateDir } }: LocalSettings): Promise<Finding[]> {
  const own = stateLockPath(stateDir)
  const names = (directory: string): string[] => {
    try {
      return readdirSync(directory)
    } catch {
      return []
    }
  }
  const directories = names(join(stateDir, 'tmp')).filter(name => /^openclaw-[\w.-]+$/.test(name)).map(name => join(stateDir, 'tmp', name))
  const files = directories.flatMap(directory => names(directory).filter(name => /^gateway\.[\w]+\.lock$/.test(name)).map(name => join(directory, name)))
  const found = await Promise.all(files.filter(path => path !== own).slice(0, mostLooked).map(otherLock))
  return found.flat()
}

const mostLooked = 20

async function otherLock (path: string): Promise<Finding[]> {
  const judged = await judgeLockFile(path)
  if (judged.state === 'held') {
    const message = `process ${judged.owner.pid} holds ${path}: another gateway works on this state directory or its configuration`
    return [{ checkId: 'lock.other', severity: 'warning', path, message, fixHint: `Only one may: stop it (kill ${judged.owner.pid}), or give this one an OPENCLAW_STATE_DIR of its own.` }]
  }
  if (judged.state === 'unreadable') return []
  return [{
    checkId: 'lock.stale',
    severity: 'info',
    path,
    message: `a gateway that ended without a word left the lock ${path}: ${judged.why}`,
    fixHint: 'openclaw doctor --fix removes it.',
    async repair () {
      if ((await judgeLockFile(path)).state !== 'stale') return `${path} has a new holder and stays`
      await rm(path, { force: true })
      return `removed ${path}: ${judged.why}`
    }
  }]
}

/** Whoever writes the configuration holds it for some milliseconds. */
async function configLock ({ configPath }: LocalSettings): Promise<Finding[]> {
  const path = `${await realpath(configPath).catch(() => configPath)}.lock`
  const [atMs, text] = await Promise.all([writtenAt(path), readIfPresent(path).catch(() => undefined)])
  if (atMs === undefined || text === undefined || !isOld(atMs)) return []
  const pid = Number(text.trim())
  const holder = await describeProcess(pid)
  const writesWait = 'nobody can change the configuration as long as it is there'
  if (holder && /openclaw|gateway/.test(holder.command)) {
    const message = `process ${pid} (${holder.command.slice(0, 100)}) holds ${path}: ${writesWait}`
    return [{ checkId: 'lock.config', severity: 'error', path, message, fixHint: `A write takes milliseconds, so it hangs: kill ${pid}` }]
  }
  const isDead = !holder && pid > 0
  const why = isDead ? `process ${pid} is gone` : holder ? `pid ${pid} belongs to another program (${holder.command.slice(0, 100)})` : 'it names nobody'
  return [{
    checkId: 'lock.config',
    severity: isDead ? 'info' : 'error',
    path,
    message: `the lock ${path} was left behind, ${why}${isDead ? '' : `: ${writesWait}`}`,
    fixHint: isDead ? 'The next write takes it over, and openclaw doctor --fix removes it.' : 'openclaw doctor --fix removes it.',
    async repair () {
      if (await readIfPresent(path) !== text) return `${path} has a new holder and stays`
      await rm(path, { force: true })
      return `removed ${path}: ${why}`
    }
  }]
}

export const lock: Check = {
  id: 'lock',
  async run (facts) {
    const { settings } = facts
    const parts = await Promise.all([silentOwner(facts), stateLock(facts), beside(settings), configLock(settings)])
    return parts.flat()
  }
}
