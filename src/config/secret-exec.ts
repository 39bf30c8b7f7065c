/**
 * SecretRef source `exec`: a program of ours that is told the ids as JSON and answers with their values. It gets no shell, none of our
 * environment but what `passEnv` names, a time limit and a size limit; its error output, which may quote secrets, goes nowhere.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { lstat, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, sep } from 'node:path'
import { isObject } from '../lib/json-object.ts'
import type { Environment } from './environment.ts'
import { isPosix, secretProgramProblem } from './secret-path.ts'
import type { ProviderAnswer, SecretProvider } from './secrets.ts'

export interface ExecRequest { alias: string, provider: SecretProvider, ids: readonly string[], env: Environment }

const defaultTimeoutMs = 5000
const defaultMaxOutputBytes = 1024 * 1024

const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** The program that may be run, by its real path. */
async function trustedProgram ({ command, allowSymlinkCommand, trustedDirs }: SecretProvider): Promise<string> {
  if (command === undefined) throw new Error('has no command')
  if (!isAbsolute(command)) throw new Error('needs an absolute command')
  const link = await lstat(command).catch(() => { throw new Error(`${command} does not exist`) })
  if (link.isSymbolicLink() && !allowSymlinkCommand) throw new Error(`${command} is a symbolic link (allowSymlinkCommand)`)
  const real = await realpath(command)
  const problem = secretProgramProblem(await stat(real))
  if (problem !== undefined) throw new Error(`${real} ${problem}`)
  if (trustedDirs) {
    const dirs = await Promise.all(trustedDirs.map(dir => realpath(dir).catch(() => dir)))
    if (!dirs.some(dir => isInside(dir, real))) throw new Error(`${real} is outside trustedDirs`)
  }
  return real
}

function environmentOf ({ env: own = {}, passEnv = [] }: SecretProvider, env: Environment): NodeJS.ProcessEnv {
  const passed = passEnv.filter(name => env[name] !== undefined).map(name => [name, env[name]])
  return { ...Object.fromEntries(passed), ...own }
}

/** Ends the program and whatever it started. */
function end (child: ChildProcess): void {
  try {
    if (isPosix && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

interface Run { program: string, request: ExecRequest, input: string }

async function outputOf ({ program, request: { provider, env }, input }: Run): Promise<string> {
  const timeoutMs = provider.timeoutMs ?? defaultTimeoutMs
  const quietMs = provider.noOutputTimeoutMs ?? timeoutMs
  const maxBytes = provider.maxOutputBytes ?? defaultMaxOutputBytes
  const child = spawn(program, provider.args ?? [], {
    env: environmentOf(provider, env), cwd: dirname(program), stdio: ['pipe', 'pipe', 'ignore'], detached: isPosix, windowsHide: true
  })
  return await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const stop = (message: string): void => {
      clearTimeout(total)
      clearTimeout(quiet)
      end(child)
      reject(new Error(message))
    }
    const total = setTimeout(() => stop(`gave no answer within ${timeoutMs} ms`), timeoutMs)
    const quiet = setTimeout(() => stop(`was silent for ${quietMs} ms`), quietMs)
    child.once('error', error => stop(`cannot be started (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`))
    child.stdout.on('data', (chunk: Buffer) => {
      quiet.refresh()
      bytes += chunk.length
      if (bytes > maxBytes) stop(`answered with more than ${maxBytes} bytes`)
      else chunks.push(chunk)
    })
    child.once('close', (code, signal) => {
      clearTimeout(total)
      clearTimeout(quiet)
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'))
      else reject(new Error(signal ? `was ended by ${signal}` : `failed with exit code ${code}`))
    })
    // A program that does not read its input is none of our trouble as long as it answers.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

const own = (value: unknown, key: string): unknown => isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined

function readAnswer (text: string, ids: readonly string[], jsonOnly: boolean): ProviderAnswer {
  const answer: ProviderAnswer = { values: new Map(), errors: new Map() }
  const parsed = parseAnswer(text)
  if (!isObject(parsed) || parsed['protocolVersion'] !== 1 || !isObject(parsed['values'])) {
    if (jsonOnly || ids.length !== 1) throw new Error('did not answer with {"protocolVersion":1,"values":{…}}')
    answer.values.set(ids[0] as string, text.trim())
    return answer
  }
  for (const id of ids) {
    const value = own(parsed['values'], id)
    const error = own(parsed['errors'], id)
    if (typeof value === 'string') answer.values.set(id, value)
    else answer.errors.set(id, `has no value for "${id}"${describeError(error)}`)
  }
  return answer
}

/** Of what the program says only its code is passed on: a message may quote what it failed on. */
const describeError = (error: unknown): string => {
  const code = own(error, 'code')
  return typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? ` (${code})` : ''
}

function parseAnswer (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export async function runExecProvider (request: ExecRequest): Promise<ProviderAnswer> {
  const program = await trustedProgram(request.provider)
  const input = JSON.stringify({ protocolVersion: 1, provider: request.alias, ids: request.ids })
  const output = await outputOf({ program, request, input })
  return readAnswer(output, request.ids, request.provider.jsonOnly ?? true)
}
