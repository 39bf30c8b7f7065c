/** The little of the Engine API of Docker (Podman speaks it, too) that sandboxes need. */
import { readFile } from 'node:fs/promises'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { SandboxUnavailable } from './refusal.ts'

export interface Engine {
  call (method: string, path: string, body?: object): Promise<EngineAnswer>
  /** For an answer that comes when something has happened. */
  wait (path: string): Promise<EngineAnswer>
}

export interface EngineAnswer { readonly status: number, readonly body: unknown }

/** Every version since 2019 has it. */
export const apiVersion = 'v1.41'
const callMs = 60_000
const maxAnswerBytes = 4 * 1024 * 1024
const start = 'Start Docker, or set sandbox.docker.host to where it listens ("unix:///var/run/docker.sock", "tcp://127.0.0.1:2375").'

/** Where an engine listens, as `DOCKER_HOST` says it. */
export function engineAddress (host: string): Pick<RequestOptions, 'socketPath' | 'host' | 'port'> {
  const [, scheme, rest = ''] = /^(unix|tcp|http):\/\/(.+)$/.exec(host) ?? []
  if (scheme === 'unix') return { socketPath: rest }
  const url = scheme && URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined
  if (!url) throw new SandboxUnavailable(`sandbox.docker.host "${host}" is no address of an engine`, start)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || 2375 }
}

async function textOf (answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxAnswerBytes) throw new SandboxUnavailable('its container engine answers with more than can be read')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function createEngine (host: string): Engine {
  const address = engineAddress(host)

  async function send (options: RequestOptions, body?: object): Promise<EngineAnswer> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const data = body === undefined ? undefined : JSON.stringify(body)
      const headers = { host: 'docker', ...data === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) } }
      const sent = request({ ...address, headers, ...options }, resolve)
      sent.once('error', reject)
      sent.once('timeout', () => { sent.destroy(new Error('it did not answer')) })
      sent.end(data)
    }).catch((error: Error) => { throw new SandboxUnavailable(`the container engine at ${host} is not there (${error.message})`, start) })
    return { status: answer.statusCode ?? 0, body: parsed(await textOf(answer)) }
  }

  return {
    call: (method, path, body) => send({ method, path: `/${apiVersion}${path}`, timeout: callMs }, body),
    wait: path => send({ method: 'POST', path: `/${apiVersion}${path}` })
  }
}

export const messageOf = (body: unknown): string => {
  const message = (body as { message?: unknown } | null)?.message
  return typeof message === 'string' ? message.slice(0, 300) : String(body).slice(0, 300)
}

/** A file with rules for system calls is sent as its text. */
export async function securityOptions (docker: { readonly [name: string]: unknown }): Promise<string[]> {
  const { seccompProfile, apparmorProfile } = docker
  return [
    'no-new-privileges',
    ...typeof seccompProfile === 'string' ? [`seccomp=${await readFile(seccompProfile, 'utf8')}`] : [],
    ...typeof apparmorProfile === 'string' ? [`apparmor=${apparmorProfile}`] : []
  ]
}
