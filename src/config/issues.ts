/** What is wrong with a configuration, said so that a person finds the place at once. */
import { basename, relative } from 'node:path'
import { escapeControl } from '../lib/text.ts'

export interface ConfigIssue {
  /** `gateway.port`; empty for the file as a whole. */
  path: string
  message: string
  line?: number
  column?: number
  /** The file in which the line stands. */
  file?: string
  expected?: string
  /** The daemon cannot be safe without it and does not start. */
  critical: boolean
  /** A part is switched off because of it: `disabledPath`. */
  disabled?: boolean
  disabledPath?: string
}

const keyOf = ({ path, message }: ConfigIssue): string => `${path}\0${message}`

/** What is wrong now and was not wrong before. */
export function newIssues (before: readonly ConfigIssue[], after: readonly ConfigIssue[]): ConfigIssue[] {
  const known = new Set(before.map(keyOf))
  return after.filter(issue => !known.has(keyOf(issue)))
}

interface Issues { path: string, issues: ConfigIssue[] }

const fileName = (file: string | undefined, root: string): string =>
  file === undefined || file === root ? basename(root) : relative(root.slice(0, -basename(root).length), file)

/** `openclaw.json:12 — gateway.port: expected an integer from 1 to 65535, got "abc"` */
export function formatIssue (issue: ConfigIssue, rootFile: string): string {
  const place = issue.line === undefined ? '' : issue.path === '' && issue.column !== undefined ? `:${issue.line}:${issue.column}` : `:${issue.line}`
  const subject = issue.path === '' ? '' : `${escapeControl(issue.path)}: `
  return `${fileName(issue.file, rootFile)}${place} — ${subject}${escapeControl(issue.message, 1024)}`
}

/** One line per issue, the critical ones first. Pass `loaded.warnings` for the warnings. */
export function formatIssues (loaded: Issues, issues: readonly ConfigIssue[] = loaded.issues): string[] {
  const ordered = [...issues].sort((a, b) => Number(b.critical) - Number(a.critical))
  return ordered.map(issue => formatIssue(issue, loaded.path))
}
