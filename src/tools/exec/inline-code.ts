/** Programs that run what their arguments say. Whoever allowed the program did not allow everything that it can be told to run. */
import { basename } from 'node:path'
import type { ShellWord } from './shell-words.ts'

/** Their arguments are commands, or they are a shell of their own: no list of names can allow them. */
const wrappers = new Set([
  'env', 'xargs', 'sudo', 'doas', 'su', 'runuser', 'pkexec', 'nohup', 'timeout', 'nice', 'ionice', 'chrt', 'taskset', 'setsid', 'stdbuf', 'unbuffer',
  'time', 'watch', 'parallel', 'chroot', 'unshare', 'nsenter', 'bwrap', 'firejail', 'ssh', 'script', 'flock', 'start-stop-daemon', 'systemd-run',
  'strace', 'ltrace', 'gdb', 'busybox', 'toybox', 'expect', 'dbus-run-session', 'vi', 'vim', 'nvim', 'view', 'ed', 'ex', 'emacs', 'nano', 'less', 'more',
  'man', 'entr', 'run-parts', 'at', 'batch', 'crontab', 'socat', 'nc', 'ncat', 'npx', 'pnpx', 'bunx', 'uvx', 'pipx', 'openclaw'
])

/** Builtins of a shell that run text, or change what later names mean. */
const builtins = new Set([
  'eval', 'exec', 'source', '.', 'command', 'builtin', 'alias', 'unalias', 'trap', 'export', 'declare', 'typeset', 'local', 'readonly', 'set', 'shopt',
  'enable', 'hash', 'unset', 'pushd', 'popd', 'read', 'mapfile', 'readarray', 'getopts', 'let', 'bind', 'complete', 'compgen', 'fc', 'history', 'return',
  'break', 'continue', 'shift', 'umask', 'ulimit', 'suspend', 'logout', 'test', '[', 'wait'
])

/** They run a file, which whoever allowed them allowed, but no text from the command line or from a pipe. */
const interpreters = new Set([
  'sh', 'bash', 'dash', 'zsh', 'ksh', 'fish', 'ash', 'csh', 'tcsh', 'python', 'pypy', 'node', 'nodejs', 'bun', 'deno', 'perl', 'ruby', 'php', 'lua',
  'luajit', 'tclsh', 'wish', 'osascript', 'pwsh', 'rscript', 'guile', 'racket', 'julia', 'irb', 'groovy', 'jshell', 'swift', 'tsx', 'ts-node'
])
/** Options that only tell something, or change how the file is run. */
const plainOptions = new Set(['--version', '-V', '--help', '--test', '--check', '-u', '-B', '-E', '-s', '-I'])

interface Risks {
  /** Long options count in every abbreviation. */
  readonly long?: readonly string[]
  /** Letters, wherever they stand behind one dash. */
  readonly short?: string
  readonly words?: readonly string[]
}

/** What makes other programs run something, or load settings that do. */
const risky: { readonly [program: string]: Risks } = {
  find: { long: ['-exec', '-execdir', '-ok', '-okdir', '-delete', '-fprint', '-fls', '-files0-from'] },
  fd: { long: ['--exec', '--exec-batch'], short: 'xX' },
  rg: { long: ['--pre', '--hostname-bin', '--search-zip'], short: 'z' },
  git: {
    long: [
      '--config-env', '--exec-path', '--upload-pack', '--receive-pack', '--ext-diff', '--open-files-in-pager', '--exec', '--extcmd', '--tool', '--editor',
      '--git-dir', '--work-tree', '--textconv', '--gpg-sign', '--template', '--paginate', '--config'
    ],
    short: 'cOxu',
    words: [
      'config', 'difftool', 'mergetool', 'bisect', 'submodule', 'filter-branch', 'hook', 'daemon', 'instaweb', 'send-email', 'credential', 'help',
      'maintenance', 'gui'
    ]
  },
  tar: {
    long: [
      '--to-command', '--checkpoint-action', '--use-compress-program', '--rsh-command', '--info-script', '--new-volume-script', '--rmt-command'
    ],
    short: 'IF'
  },
  sort: { long: ['--compress-program'] },
  wget: { long: ['--use-askpass', '--execute', '--config'], short: 'e' },
  curl: { long: ['--config', '--engine'], short: 'K' },
  rsync: { long: ['--rsh', '--rsync-path', '--daemon'], short: 'e' },
  scp: { short: 'SoF' },
  sftp: { short: 'SoFb' },
  zip: { long: ['--test', '--unzip-command'], short: 'T' },
  make: { long: ['--eval', '--file', '--makefile'], short: 'fE' },
  npm: {
    long: ['--call', '--script-shell', '--node-options', '--userconfig', '--globalconfig', '--editor', '--viewer', '--git', '--shell'],
    short: 'c',
    words: ['exec', 'x', 'explore', 'edit', 'init', 'create', 'config', 'set', 'c']
  },
  yarn: { words: ['exec', 'dlx', 'node', 'config', 'set'] },
  pnpm: { words: ['exec', 'dlx', 'create', 'config', 'set'] },
  docker: { long: ['--host', '--config'], short: 'H' },
  // As a builtin it can set a variable.
  printf: { short: 'v' },
  awk: {},
  sed: {}
}

const plain = (name: string): string => basename(name).toLowerCase().replace(/\.exe$/, '')
/** `python3.12` and `lua5.4` are python and lua; `gawk` and `mawk` are awk. */
const family = (name: string): string => {
  const base = plain(name).replace(/[-.]?[0-9][0-9.]*$/, '')
  return /^[gmn]?awk$/.test(base) || base === 'original-awk' ? 'awk' : base === 'gsed' ? 'sed' : base
}

const awkProgram = /^[^|><@]*$/
const safeAwk = (words: readonly ShellWord[]): boolean => {
  const [program, ...rest] = words.filter(({ text }) => !/^-F./.test(text))
  return program !== undefined && awkProgram.test(program.text) && !/system|getline|close|fflush|ENVIRON|extension|load/.test(program.text) &&
    !program.text.startsWith('-') && rest.every(({ text }) => !text.startsWith('-'))
}

/** Printing lines and plain replacement; nothing that runs, reads or writes a file. */
const sedScript = /^(?:-n\s*)?(?:(?:\d+|\$)?(?:,(?:\d+|\$))?[pdq]|s([/|#,])(?:(?!\1)[^\\\n]|\\[^\n])*\1(?:(?!\1)[^\\\n]|\\[^\n])*\1[gpiI0-9]*)$/
const safeSed = (words: readonly ShellWord[]): boolean => {
  const rest = words.filter(({ text }) => !['-n', '-E', '-r'].includes(text))
  return rest.length > 0 && sedScript.test(rest[0]!.text) && rest.slice(1).every(({ text }) => !text.startsWith('-'))
}

function interpreterProblem (name: string, args: readonly ShellWord[]): string | undefined {
  const place = args.findIndex(({ text, isLiteral }) => !isLiteral || !text.startsWith('-') || text === '-')
  const options = place < 0 ? args : args.slice(0, place)
  const strange = options.find(({ text }) => !plainOptions.has(text))
  if (strange) return `${name} with ${strange.text} runs what the command line says`
  const file = args[place]
  if (!file) return options.some(({ text }) => /^(--version|-V|--help)$/.test(text)) ? undefined : `${name} without a file runs whatever it is given`
  if (!file.isLiteral || /^-?$|^\/(dev|proc)\//.test(file.text)) return `${name} runs something that is not known`
  return undefined
}

function isRisky ({ long = [], short = '', words = [] }: Risks, { text }: ShellWord): boolean {
  if (words.includes(text)) return true
  if (!text.startsWith('-') || text === '-') return false
  const [given = ''] = text.split('=')
  if (given.startsWith('--')) return given.length > 2 && long.some(option => option.startsWith(given))
  return long.some(option => !option.startsWith('--') && given.startsWith(option)) || [...short].some(letter => given.includes(letter))
}

function optionProblem (kind: string, name: string, args: readonly ShellWord[]): string | undefined {
  const risks = risky[kind]
  if (!risks) return undefined
  if (args.some(({ isLiteral }) => !isLiteral)) return `${name} gets arguments that are not known before it runs`
  if (kind === 'awk') return safeAwk(args) ? undefined : `${name} can run commands from its program`
  if (kind === 'sed') return safeSed(args) ? undefined : `${name} can run commands from its script`
  const found = args.find(word => isRisky(risks, word))
  return found && `${name} with ${found.text} can run other commands`
}

/** What it does depends on a file that may change after somebody said yes. */
export const isInterpreter = (names: readonly string[]): boolean => names.some(name => interpreters.has(family(name)))

/** Why a name on a list does not allow this command; undefined when it does. `names`: as it was called and what it really is. */
export function inlineCodeProblem (names: readonly string[], args: readonly ShellWord[]): string | undefined {
  for (const name of names) {
    const kind = family(name)
    if (wrappers.has(plain(name)) || wrappers.has(kind)) return `${plain(name)} runs other commands`
    if (builtins.has(name)) return `${name} changes what later commands mean, or runs text`
    const problem = (interpreters.has(kind) ? interpreterProblem(plain(name), args) : undefined) ?? optionProblem(kind, plain(name), args)
    if (problem) return problem
  }
  return undefined
}
