/** The files in which older versions of the existing gateway kept sessions: one list, and a transcript of one event per line each. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isFields, parseFields, type Fields, type Source, type SourceSession } from './source.ts'

function readEvents (path: string, problems: string[]): Fields[] {
  if (!existsSync(path)) {
    problems.push(`${path} is missing: its session comes without messages`)
    return []
  }
  return readFileSync(path, 'utf8').split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    const event = parseFields(line)
    if (!event) problems.push(`${path}:${index + 1} cannot be read`)
    return event ? [event] : []
  })
}

/** Whatever directory the list names: the file lies beside the list. */
function fileOf (directory: string, sessionId: string, entry: Fields): string {
  const named = typeof entry['sessionFile'] === 'string' && entry['sessionFile'].endsWith('.jsonl') ? basename(entry['sessionFile']) : undefined
  return join(directory, named ?? `${sessionId}.jsonl`)
}

export function openSessionFiles (directory: string, agentId: string): Source {
  const path = join(directory, 'sessions.json')
  const problems: string[] = []
  const list = parseFields(readFileSync(path, 'utf8'))
  if (!list) problems.push(`${path} cannot be read`)
  const sessions = Object.entries(list ?? {}).flatMap(([key, entry]): SourceSession[] => {
    const sessionId = isFields(entry) ? entry['sessionId'] : undefined
    if (!isFields(entry) || typeof sessionId !== 'string' || basename(sessionId) !== sessionId) {
      problems.push(`the row of session ${key} names no transcript`)
      return []
    }
    return [{ agentId, key, entry, transcripts: [{ sessionId, events: () => readEvents(fileOf(directory, sessionId, entry), problems) }] }]
  })
  return { sessions, problems, close () {} }
}
