/**
 * A server on this machine: a process of its own with a small environment, spoken to line by line. The transport is ours because
 * what a server starts must end with it, and because a line must not be as long as it likes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { createLineReader } from '../../lib/message-lines.ts'
import { environmentFor, type Environment } from '../exec/environment.ts'
import { endTree } from '../exec/process-tree.ts'
import { maxMessageBytes, tooLargeText } from './limits.ts'

export interface StdioOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Of the gateway; a few names are handed on. */
  readonly environment: Environment
  /** Of the configuration. */
  readonly env: { readonly [name: string]: string }
}

export interface StdioTransport extends Transport {
  readonly pid: number | undefined
  /** The end of what it wrote to its standard error. */
  lastWords (): string
  /** How it ended, once it has. */
  ending (): string | undefined
}

const maxErrorChars = 2_000
/** After its input has ended: most servers go then. */
const goodbyeMs = 300
const graceMs = 500

/** These decide which code a program loads before its own; a server that needs one gets it from the environment of a wrapper. */
const steering = /^(LD_|DYLD_|BASH_FUNC_|GCONV_|GLIBC_|MALLOC_|OPENCLAW_)|^(NODE_OPTIONS|NODE_REPL_EXTERNAL_MODULE|PYTHONSTARTUP|PYTHONINSPECT|PYTHONBREAKPOINT|PERL5OPT|PERL5DB|RUBYOPT|BASH_ENV|ENV|BASHOPTS|SHELLOPTS|KSH_ENV|PROMPT_COMMAND|PS4|IFS|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS)$/i

/** Names of the configuration that no server is given. */
export const refusedNames = (env: object): string[] => Object.keys(env).filter(name => steering.test(name) || !/^[A-Za-z_]\w*$/.test(name))

function environmentOf ({ environment, env }: StdioOptions, marker: string): { [name: string]: string } {
  const refused = new Set(refusedNames(env))
  const own = Object.fromEntries(Object.entries(env).filter(([name, value]) => !refused.has(name) && !value.includes('\0')))
  return { ...environmentFor(environment, {}, marker), ...own, OPENCLAW_SHELL: 'mcp' }
}

const exitOf = (code: number | null, signal: string | null): string => signal ? `it was ended by ${signal}` : `it ended with exit code ${code ?? 0}`

/** True when it went by itself. */
function gone (child: ChildProcess, waitMs: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true)
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), waitMs)
    child.once('exit', () => { clearTimeout(timer); resolve(true) })
  })
}

async function takeDown (child: ChildProcess, marker: string): Promise<void> {
  child.stdin?.end()
  await gone(child, goodbyeMs)
  await endTree(child.pid!, marker, { graceMs })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy()
}

export function createStdioTransport (options: StdioOptions): StdioTransport {
  const marker = randomUUID()
  let child: ChildProcess | undefined
  let words = ''
  let ending: string | undefined
  let closing: Promise<void> | undefined

  const lines = createLineReader({
    message: message => transport.onmessage?.(message as JSONRPCMessage),
    tooLarge (id) {
      if (id === undefined) transport.onerror?.(new Error(`a message of more than ${maxMessageBytes} bytes was left out`))
      else transport.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message: tooLargeText } })
    },
    problem: text => transport.onerror?.(new Error(text))
  }, maxMessageBytes)

  function end (): Promise<void> {
    closing ??= (child ? takeDown(child, marker) : Promise.resolve()).finally(() => transport.onclose?.())
    return closing
  }

  const transport: StdioTransport = {
    get pid () { return child?.pid },
    lastWords: () => words.trim(),
    ending: () => ending,
    async start () {
      if (closing) throw new Error('it was stopped before it had started')
      const { command, args, cwd } = options
      // A group of its own: that is how all of it is found again.
      const started = spawn(command, args, { cwd, env: environmentOf(options, marker), detached: true, windowsHide: true, stdio: 'pipe' })
      await once(started, 'spawn')
      child = started
      child.stdout!.on('data', lines.add)
      child.stderr!.setEncoding('utf8').on('data', (text: string) => { words = (words + text).slice(-maxErrorChars) })
      for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter?.on('error', error => transport.onerror?.(error as Error))
      // Once its pipes are read to their end; one that somebody else holds open is not waited for.
      child.once('exit', (code, signal) => {
        ending = exitOf(code, signal)
        const timer = setTimeout(end, goodbyeMs)
        child!.once('close', () => { clearTimeout(timer); void end() })
      })
      if (closing) await takeDown(child, marker)
    },
    send: message => new Promise((resolve, reject) => {
      const stdin = child?.stdin
      if (closing || !stdin?.writable) return reject(new Error('the server has ended'))
      stdin.write(`${JSON.stringify(message)}\n`, error => error ? reject(error) : resolve())
    }),
    close: end
  }
  return transport
}
