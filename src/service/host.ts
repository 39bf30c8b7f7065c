/** The one seam between services and the machine: commands that are run and files that are written. */
import { spawn } from 'node:child_process'
import { access, chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname } from 'node:path'

export interface Ran {
  /** Nothing when the program is not there, or had to be ended. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface ServiceFiles {
  exists (path: string): Promise<boolean>
  /** The names in a directory; none where it is not there. */
  list (directory: string): Promise<string[]>
  read (path: string): Promise<Buffer | undefined>
  /** Whole or not at all; makes the directories on the way. */
  write (path: string, content: string | Buffer, mode: number): Promise<void>
  remove (path: string): Promise<void>
}

export interface ServiceHost {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
  readonly uid: number
  readonly userName: string
  /** Of the account, whatever HOME says. */
  readonly homeDir: string
  readonly temporaryDir: string
  readonly files: ServiceFiles
  run (file: string, args: readonly string[], timeoutMs?: number): Promise<Ran>
}

const runTimeoutMs = 15_000
const maxPrintedBytes = 1_000_000

function run (env: NodeJS.ProcessEnv, file: string, args: readonly string[], timeoutMs = runTimeoutMs): Promise<Ran> {
  return new Promise(resolve => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
    const printed = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (printed[name].length < maxPrintedBytes) printed[name] += text
      })
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    child.on('error', error => {
      clearTimeout(timer)
      resolve({ code: undefined, stdout: '', stderr: error.message })
    })
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code: code ?? undefined, ...printed })
    })
  })
}

async function read (path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

async function write (path: string, content: string | Buffer, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await writeFile(temporary, content, { mode })
    await chmod(temporary, mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

const exists = (path: string): Promise<boolean> => access(path).then(() => true, () => false)

const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => [])

export const diskFiles: ServiceFiles = { exists, list, read, write, remove: path => rm(path, { force: true }) }

/** systemctl finds the manager of a user by this variable, which `su` and `ssh` do not always set. */
function runtimeDirectory (env: NodeJS.ProcessEnv, uid: number): NodeJS.ProcessEnv {
  return process.platform !== 'linux' || env['XDG_RUNTIME_DIR'] ? env : { ...env, XDG_RUNTIME_DIR: `/run/user/${uid}` }
}

export function thisHost (env: NodeJS.ProcessEnv): ServiceHost {
  const { uid, username, homedir } = userInfo()
  const childEnv = runtimeDirectory({ ...env, LC_ALL: 'C', SYSTEMD_PAGER: '', SYSTEMD_COLORS: '0' }, uid)
  return {
    platform: process.platform,
    env,
    uid,
    userName: username,
    homeDir: homedir,
    temporaryDir: tmpdir(),
    files: diskFiles,
    run: (file, args, timeoutMs) => run(childEnv, file, args, timeoutMs)
  }
}
