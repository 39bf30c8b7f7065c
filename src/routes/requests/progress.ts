/** What a tool does, in a few words that tell nobody a secret. */

export interface Progress {
  readonly stage: string
  readonly summary: string
  readonly toolName?: string
  readonly toolDetail?: string
  readonly toolCallId?: string
  readonly toolStatus?: 'running' | 'completed'
}

type Args = { readonly [name: string]: unknown }

const maxDetailChars = 96
const maxCommandChars = 4096
/** Anything else is left out as a whole. */
const harmless = /^[\p{L}\p{N}_\-./: *#@[\]]+$/u
const secretName = /token|secret|password|authorization|bearer|api[-_]?key|cookie|[-_]key$/i
const secretValue = /^(?:sk-|ghp_|gho_|github_pat_|tgit_|xox[a-z]-)|bearer|^eyJ[\w-]+\.[\w-]+\./i

/** Arguments of any tool that may be shown, in this order. */
const shownArguments = ['path', 'file_path', 'file', 'url', 'query', 'pattern', 'name', 'target', 'action', 'sessionKey', 'agentId']
const maxDetails = 2

const isObject = (value: unknown): value is Args => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The last three parts of a path. */
function shortPath (path: string): string {
  const parts = path.split('/').filter(Boolean)
  return parts.length > 3 ? `.../${parts.slice(-3).join('/')}` : path
}

/** Host and path: a query may hold anything. */
function shortUrl (text: string): string | undefined {
  const url = URL.parse(text)
  return url ? `${url.host}${url.pathname === '/' ? '' : url.pathname}` : undefined
}

function shown (value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value).slice(0, maxCommandChars).replace(/\s+/g, ' ').trim()
  if (text === '' || secretValue.test(text)) return undefined
  const short = /^https?:\/\//i.test(text) ? shortUrl(text) : text.includes('/') ? shortPath(text) : text
  return short !== undefined && short.length <= maxDetailChars && harmless.test(short) ? short : undefined
}

function detailOf (args: Args): string | undefined {
  const details = shownArguments.filter(name => !secretName.test(name) && Object.hasOwn(args, name))
    .map(name => shown(args[name])).filter(detail => detail !== undefined).slice(0, maxDetails)
  return details.length > 0 ? details.join(' ').slice(0, maxDetailChars) : undefined
}

/** The part of a command line that does the work: without assignments, changes of directory and the shell around it. */
function mainCommand (line: string): string {
  const inner = /^\s*(?:\S*\/)?(?:bash|sh|zsh)\s+-l?c\s+(['"])([\s\S]*)\1\s*$/.exec(line)?.[2] ?? line
  const parts = inner.slice(0, maxCommandChars).split(/&&|\|\||[;|\n]/)
    .map(part => part.trim().replace(/^(?:[A-Za-z_]\w*=\S*\s+)+/, ''))
    .filter(part => part !== '' && !/^(?:cd|set|export|source|\.)(?:\s|$)|^[A-Za-z_]\w*=\S*$/.test(part))
  return parts[0] ?? ''
}

/** The program and its plain words; whatever follows an option that sounds like a secret goes with it. */
function commandDetail (command: string): string | undefined {
  if (/^(?:for|while|until)\s/.test(command)) return 'shell loop'
  const words = command.split(/\s+/).map(word => /^https?:\/\//i.test(word) ? shortUrl(word) ?? '' : word)
  const kept: string[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!
    const [option = ''] = word.split('=', 1)
    if (/^-/.test(option) && secretName.test(option)) {
      if (!word.includes('=')) index++
    } else kept.push(word)
  }
  if (kept.some(word => secretValue.test(word) || (/=/.test(word) && secretName.test(word)))) return undefined
  const text = kept.map(word => word.includes('/') ? shortPath(word) : word).join(' ')
  return text.length <= maxDetailChars && harmless.test(text) ? text : undefined
}

const commandSummaries: ReadonlyArray<readonly [pattern: RegExp, summary: string]> = [
  [/^go\s+test\b/, 'Running go test'],
  [/^(?:python3?\s+-m\s+)?pytest\b/, 'Running pytest'],
  [/^(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?test\b/, 'Running npm test'],
  [/^git\b/, 'Running git command'],
  [/^(?:ls|find|rg|cat|sed|head|tail|pwd)\b/, 'Inspecting workspace']
]

const commandTools: ReadonlySet<string> = new Set(['exec', 'exec_command', 'bash', 'shell'])

function commandProgress (toolName: string, args: Args): Progress {
  const line = args.command ?? args.cmd
  const command = typeof line === 'string' ? mainCommand(line) : ''
  const [, summary = 'Running local tool'] = commandSummaries.find(([pattern]) => pattern.test(command)) ?? []
  const toolDetail = command === '' ? undefined : commandDetail(command)
  return { stage: 'running_tool', summary, toolName, ...(toolDetail ? { toolDetail } : {}) }
}

const numberIn = (args: Args, name: string): string | undefined => {
  const value = args[name]
  return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined
}

function rowsOf (args: Args): string {
  const [row, from, to] = [numberIn(args, 'row'), numberIn(args, 'start_row'), numberIn(args, 'end_row')]
  if (row !== undefined) return ` row ${row}`
  if (from !== undefined && to !== undefined) return ` rows ${from}-${to}`
  if (from !== undefined) return ` from row ${from}`
  const sheet = shown(args.sheet)
  return sheet === undefined ? '' : ` sheet ${sheet}`
}

export function progressOf (toolName: string, given: unknown): Progress {
  const args = isObject(given) ? given : {}
  if (commandTools.has(toolName)) return commandProgress(toolName, args)
  const toolDetail = detailOf(args)
  const tool = { toolName, ...(toolDetail === undefined ? {} : { toolDetail }) }
  if (toolName === 'read_document') {
    const page = numberIn(args, 'page')
    return { stage: 'reading_document', summary: `Reading document${page === undefined ? '' : ` page ${page}`}`, ...tool }
  }
  if (toolName === 'read_spreadsheet') return { stage: 'reading_spreadsheet', summary: `Reading spreadsheet${rowsOf(args)}`, ...tool }
  return { stage: 'running_tool', summary: 'Running local tool', ...tool }
}
