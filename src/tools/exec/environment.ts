/** What a command may know of the environment of the gateway, and what a model may add to it. */

export type Environment = { readonly [name: string]: string | undefined }

export type Overrides = { readonly [name: string]: string }

/** Everything else stays here: tokens, keys of providers, settings of the gateway itself. */
const inherited: ReadonlySet<string> = new Set([
  'PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TERM', 'COLORTERM', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'XDG_RUNTIME_DIR',
  'SystemRoot', 'SYSTEMROOT', 'ComSpec', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA'
])
const isInherited = (name: string): boolean => inherited.has(name) || /^LC_[A-Z]+$/.test(name)

/** Names that decide what code a program loads, where it finds its settings, or whom it trusts. Compared in upper case. */
const families = [
  'LD', 'DYLD', 'OPENCLAW', 'GIT', 'NPM_CONFIG', 'NODE', 'BUN', 'DENO', 'PYTHON', 'PERL', 'RUBY', 'PHP', 'LUA', 'JAVA', 'JDK', 'GRADLE', 'MAVEN', 'CARGO', 'RUSTC?', 'GO',
  'PIP', 'UV', 'DOCKER', 'KUBE', 'SSH', 'GPG', 'SSL', 'CURL', 'WGET', 'AWS', 'AZURE', 'GOOGLE', 'OPENAI', 'ANTHROPIC', 'BASH', 'MALLOC', 'GLIBC', 'GCONV', 'XDG',
  'SYSTEMD', 'DBUS', 'SUDO', 'BUNDLE', 'GEM', 'R'
]
const single = [
  'PYTHON[A-Z]+', 'PERL5[A-Z]+', 'RUBY(OPT|LIB)', 'CLASSPATH', '_JAVA_OPTIONS', 'GOFLAGS', 'RUSTFLAGS', 'PATH', 'HOME', 'SHELL', 'ENV', 'IFS', 'PS[0-9]', 'CDPATH', 'SHELLOPTS',
  'BASHOPTS', 'PROMPT_COMMAND', 'ZDOTDIR', 'FPATH', 'HISTFILE', 'INPUTRC', 'EXECIGNORE', 'GLOBIGNORE', 'TMPDIR', 'TMP', 'TEMP', 'EDITOR', 'VISUAL', 'PAGER', 'MANPAGER',
  'BROWSER', 'LESS', 'LESSOPEN', 'LESSCLOSE', 'LESSKEY', 'VIMINIT', 'EXINIT', 'TAR_OPTIONS', 'RSYNC_RSH', 'MAKE', 'MAKEFLAGS', 'CC', 'CXX', 'CPP', 'AR', 'CFLAGS', 'LDFLAGS',
  'AWKPATH', 'AWKLIBPATH', 'TERMINFO', 'TERMCAP', 'NLSPATH', 'LOCPATH', 'HOSTALIASES', 'RES_OPTIONS', 'PATHEXT', 'COMSPEC', 'SYSTEMROOT', '(HTTPS?|ALL|NO|FTP)_PROXY'
]
const steering = [new RegExp(`^(${families.join('|')})(_|$)`), new RegExp(`^(${single.join('|')})$`)]

const maxOverrides = 64
const maxValueLength = 32_768
const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Directories of the agent must not stand in for programs: only absolute ones are searched. */
const cleanPath = (path: string): string => path.split(':').filter(directory => directory.startsWith('/')).join(':')

/** Why these may not be set; undefined when they may. */
export function overrideProblem (overrides: { readonly [name: string]: unknown }): string | undefined {
  const entries = Object.entries(overrides)
  if (entries.length > maxOverrides) return `env has ${entries.length} names; at most ${maxOverrides} may be set`
  for (const [name, value] of entries) {
    if (!namePattern.test(name)) return `env.${JSON.stringify(name.slice(0, 64))} is not a name that a variable can have`
    if (typeof value !== 'string') return `env.${name} must be a string`
    if (value.length > maxValueLength || value.includes('\0')) return `env.${name} is too long or has a NUL in it`
    if (steering.some(pattern => pattern.test(name.toUpperCase()))) return `env.${name} may not be set: it changes which code is run`
  }
  return undefined
}

/** `marker` tells later which processes belong to a command. */
export function environmentFor (own: Environment, overrides: Overrides = {}, marker?: string): { [name: string]: string } {
  const env: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(own)) if (value !== undefined && isInherited(name)) env[name] = value
  env['PATH'] = cleanPath(env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')
  return { ...env, ...overrides, OPENCLAW_SHELL: 'exec', ...(marker ? { OPENCLAW_EXEC_ID: marker } : {}) }
}
