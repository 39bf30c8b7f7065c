/** SecretRef source `file`: one private file, a JSON document addressed by pointers or a single value. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute } from 'node:path'
import { stepInto } from './path-syntax.ts'
import { expandPath } from './paths.ts'
import { secretFileProblem } from './secret-path.ts'
import type { ProviderAnswer, SecretProvider } from './secrets.ts'

const defaultTimeoutMs = 5000
const defaultMaxBytes = 1024 * 1024

export async function readPrivateFile (path: string, maxBytes: number): Promise<string> {
  // Neither a link nor a pipe can make the gateway wait or read something else.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const stat = await handle.stat()
    const problem = secretFileProblem(stat) ?? (stat.size > maxBytes ? `is larger than ${maxBytes} bytes` : undefined)
    if (problem !== undefined) throw new Error(`${path} ${problem}`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

async function withTimeout<T> (work: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => reject(new Error(message)), timeoutMs) })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

const readable = (error: unknown, path: string): Error => {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error as Error
  const why = code === 'ENOENT' ? 'does not exist' : code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code})`
  return new Error(`${path} ${why}`)
}

/** The value under a JSON pointer. */
function valueUnder (document: unknown, pointer: string): unknown {
  return pointer.slice(1).split('/').map(step => step.replaceAll('~1', '/').replaceAll('~0', '~')).reduce<unknown>(stepInto, document)
}

function parseDocument (text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message would quote the text.
    throw new Error(`${path} is not JSON`)
  }
}

export async function readFileProvider (provider: SecretProvider, ids: readonly string[]): Promise<ProviderAnswer> {
  if (provider.path === undefined) throw new Error('has no path')
  const path = provider.path.startsWith('~') ? expandPath(provider.path, homedir()) : provider.path
  if (!isAbsolute(path)) throw new Error('needs an absolute path')
  const timeoutMs = provider.timeoutMs ?? defaultTimeoutMs
  const read = readPrivateFile(path, provider.maxBytes ?? defaultMaxBytes)
  const text = await withTimeout(read, timeoutMs, `${path} could not be read within ${timeoutMs} ms`).catch((error: unknown) => { throw readable(error, path) })

  const answer: ProviderAnswer = { values: new Map(), errors: new Map() }
  if (provider.mode === 'singleValue') {
    for (const id of ids) {
      if (id === 'value') answer.values.set(id, text.replace(/\r?\n$/, ''))
      else answer.errors.set(id, 'holds one value; its id is "value"')
    }
    return answer
  }
  const document = parseDocument(text, path)
  for (const id of ids) {
    const value = id.startsWith('/') ? valueUnder(document, id) : undefined
    if (typeof value === 'string') answer.values.set(id, value)
    else answer.errors.set(id, value === undefined ? `has nothing at "${id}"` : `has no text at "${id}"`)
  }
  return answer
}
