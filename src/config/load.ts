/**
 * Reads the configuration: text, includes, variables, old names, checks. Whatever is wrong comes back as issues with their lines; the
 * configuration beside them is always usable, and the file is never touched.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { effectiveEnvironment, type Environment } from './environment.ts'
import { IncludeError, resolveIncludes, type Included, type Origin } from './include.ts'
import type { ConfigIssue } from './issues.ts'
import { renameLegacyKeys, type Renamed } from './legacy.ts'
import { ConfigSyntaxError, parseConfigText } from './parse.ts'
import { dropReservedKeys, formatPath, type PathStep } from './path-syntax.ts'
import type { Paths } from './paths.ts'
import type { Config } from './schema.ts'
import type { SecretValues } from './secrets.ts'
import { substituteVariables } from './substitute.ts'
import { defaultConfig, validateConfig, type Finding } from './validate.ts'

export { formatIssue, formatIssues, newIssues, type ConfigIssue } from './issues.ts'

export interface LoadedConfig {
  path: string
  exists: boolean
  /** The text as it is in the file; undefined when there is none that could be read. */
  raw: string | undefined
  /** The text as a value, without reserved names. */
  parsed: unknown
  /** After includes, variables and old names; before defaults. What `diffConfig` compares. */
  source: unknown
  /** Defaults filled in. Credentials are as the file gives them; `secrets.ts` resolves them. */
  config: Config
  issues: ConfigIssue[]
  warnings: ConfigIssue[]
  /** Real paths of the included files; a watcher watches them too. */
  includedPaths: string[]
  /** SHA-256 of the text, in hex. */
  hash: string | undefined
  /** The variables that the configuration saw, `.env` and `env.vars` among them. */
  env: Environment
  /** Texts that came out of variables. */
  variableTexts?: ReadonlySet<string>
  /** Credentials that references in it stand for, once they have been fetched. */
  secretValues?: SecretValues | undefined
  /** The file that a value was written in, and its place there: what an edit has to change. */
  originOf (steps: readonly PathStep[]): Origin
}

export interface LoadInput {
  paths: Pick<Paths, 'configPath' | 'stateDir' | 'homeDir'>
  env: Environment
  /** Judge this text as if it were the file. */
  text?: string
}

const maxFileBytes = 8 * 1024 * 1024

export const hashConfigText = (text: string): string => createHash('sha256').update(text).digest('hex')

type Read = { exists: false } | { exists: true, text: string } | { exists: true, problem: string }

async function readConfigFile (path: string): Promise<Read> {
  try {
    const handle = await open(path, 'r')
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) return { exists: true, problem: 'is not a regular file' }
      if (stat.size > maxFileBytes) return { exists: true, problem: `is larger than ${maxFileBytes} bytes` }
      return { exists: true, text: await handle.readFile('utf8') }
    } finally {
      await handle.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? { exists: false } : { exists: true, problem: `cannot be read (${code})` }
  }
}

export async function loadConfig (input: LoadInput): Promise<LoadedConfig> {
  const path = input.paths.configPath
  const read: Read = input.text === undefined ? await readConfigFile(path) : { exists: true, text: input.text }
  if ('text' in read) return await interpret(input, read.text)
  const issues: ConfigIssue[] = read.exists ? [{ path: '', message: read.problem, file: path, critical: true }] : []
  const env = await effectiveEnvironment(input.env, input.paths.stateDir, undefined)
  return { ...nothing(path, env), exists: read.exists, issues }
}

const nothing = (path: string, env: Environment): LoadedConfig => ({
  path,
  exists: false,
  raw: undefined,
  parsed: undefined,
  source: {},
  config: defaultConfig(),
  issues: [],
  warnings: [],
  includedPaths: [],
  hash: undefined,
  env,
  secretValues: new Map(),
  originOf: steps => ({ file: path, steps })
})

async function interpret (input: LoadInput, text: string): Promise<LoadedConfig> {
  const path = input.paths.configPath
  const base = { path, exists: true, raw: text, hash: hashConfigText(text) }
  try {
    const parsed = text.trim() === '' ? {} : await parseConfigText(text)
    return { ...await understand(input, text, parsed), ...base, parsed }
  } catch (error) {
    const issue = brokenFile(error, path)
    if (!issue) throw error
    const env = await effectiveEnvironment(input.env, input.paths.stateDir, undefined)
    return { ...nothing(path, env), ...base, issues: [issue] }
  }
}

/** A file that cannot be read as a whole: nothing in it counts. */
function brokenFile (error: unknown, path: string): ConfigIssue | undefined {
  if (error instanceof ConfigSyntaxError) {
    return { path: '', message: error.message, line: error.line, column: error.column, file: path, critical: true }
  }
  if (!(error instanceof IncludeError)) return undefined
  const { file, steps } = error.origin
  return { path: formatPath(steps), message: error.message, line: error.line, column: error.column, file, critical: true }
}

type Understood = Pick<LoadedConfig, 'source' | 'config' | 'issues' | 'warnings' | 'includedPaths' | 'env' | 'variableTexts' | 'secretValues' | 'originOf'>

async function understand (input: LoadInput, text: string, parsed: unknown): Promise<Understood> {
  const path = input.paths.configPath
  // In place and before anything is copied: a copy would turn the name into the prototype of an object.
  const reserved: Origin[] = dropReservedKeys(parsed).map(steps => ({ file: path, steps }))
  const included = await include(input, text, parsed)
  const env = await effectiveEnvironment(input.env, input.paths.stateDir, included.value)
  const substituted = substituteVariables(included.value, env)
  const renamed = renameLegacyKeys(substituted.value)
  const { config, issues, warnings } = validateConfig(renamed.source, { fromVariables: substituted.replaced })
  const understood: Understood = {
    source: renamed.source,
    config,
    issues: [],
    warnings: [],
    includedPaths: included.includedPaths,
    env,
    variableTexts: substituted.texts,
    secretValues: new Map(),
    originOf: steps => included.originOf(renamed.writtenAt(steps))
  }

  const missing = substituted.missing.map(missingFinding)
  reserved.push(...included.reserved)
  // Most files have nothing to say about; then nobody looks for lines.
  if (reserved.length + issues.length + missing.length + renamed.warnings.length + warnings.length === 0) return understood
  const places = await createPlaces(path, text, included, renamed)
  const reservedIssues = reserved.map(({ file, steps }) => places.at(file, steps, reservedFinding(steps)))
  understood.issues = [...reservedIssues, ...issues.map(places.of)]
  understood.warnings = [...missing.map(places.written), ...renamed.warnings.map(places.written), ...warnings.map(places.of)]
  return understood
}

const missingFinding = ({ steps, name }: { steps: PathStep[], name: string }): Finding =>
  ({ steps, message: `\${${name}} is not set; the text stays as it is, a credential counts as unavailable`, critical: false })

const reservedFinding = (steps: readonly PathStep[]): Finding =>
  ({ steps: [...steps], message: 'is a reserved name and is left out', expected: 'another name', critical: false })

async function include (input: LoadInput, text: string, value: unknown): Promise<Included> {
  const { configPath, homeDir } = input.paths
  try {
    return await resolveIncludes({ value, configPath, homeDir, env: input.env })
  } catch (error) {
    if (!(error instanceof IncludeError) || error.line !== undefined || error.origin.file !== configPath) throw error
    const { mapJson5 } = await import('./json5-map.ts')
    const { line, column } = mapJson5(text).locateNearest(error.origin.steps)
    throw new IncludeError(error.message, error.origin, line, column)
  }
}

interface Places {
  at (file: string, steps: readonly PathStep[], finding: Finding): ConfigIssue
  /** For places of the configuration as it is read. */
  of (finding: Finding): ConfigIssue
  /** For places as they are written. */
  written (finding: Finding): ConfigIssue
}

/** Finds the line of a finding. */
async function createPlaces (path: string, text: string, included: Included, renamed: Renamed): Promise<Places> {
  const { mapJson5 } = await import('./json5-map.ts')
  const maps = new Map<string, ReturnType<typeof mapJson5> | undefined>()
  const tryMap = (content: string): ReturnType<typeof mapJson5> | undefined => {
    try {
      return mapJson5(content)
    } catch {
      return undefined
    }
  }
  const mapOf = (file: string): ReturnType<typeof mapJson5> | undefined => {
    if (!maps.has(file)) maps.set(file, tryMap(file === path ? text : included.texts.get(file) ?? ''))
    return maps.get(file)
  }
  const at: Places['at'] = (file, steps, { message, expected, critical, disabledSteps, steps: named }) => ({
    path: formatPath(named),
    message,
    line: mapOf(file)?.locateNearest(steps).line,
    file,
    ...(expected === undefined ? {} : { expected }),
    critical,
    ...(disabledSteps ? { disabled: true, disabledPath: formatPath(disabledSteps) } : {})
  })
  const written: Places['written'] = finding => {
    const origin = included.originOf(finding.steps)
    return at(origin.file, origin.steps, finding)
  }
  const of: Places['of'] = finding => {
    const origin = included.originOf(renamed.writtenAt(finding.steps))
    return at(origin.file, origin.steps, finding)
  }
  return { at, of, written }
}
