/** Entries of the audit log in the words of those who collect logs. */
import { hostname } from 'node:os'
import type { AuditEntry, Fact } from '../audit/act.ts'
import { packageVersion } from '../lib/package-version.ts'

export const auditFormats = ['jsonl', 'syslog', 'cef'] as const
export type AuditFormat = typeof auditFormats[number]

const factText = (fact: Fact): string => typeof fact === 'object' ? fact.join(' ') : String(fact)

type Named = ReadonlyArray<readonly [name: string, value: string]>

/** Everything an entry says beside its time and its name. */
function fieldsOf ({ seq, kind, outcome, actor = { principal: '' }, code, about = {}, hash }: AuditEntry): Named {
  const all: Array<readonly [string, string | undefined]> = [
    ['seq', String(seq)], ['kind', kind], ['outcome', outcome], ['code', code],
    ...Object.entries(actor).map(([name, value]) => [name, String(value)] as const),
    ...Object.entries(about).map(([name, value]) => [`about_${name}`, factText(value)] as const),
    ['hash', hash]
  ]
  return all.filter((field): field is readonly [string, string] => field[1] !== undefined && field[1] !== '')
}

/** Facility 13 is that of audit logs. */
const facility = 13
const severities = { ok: 6, started: 6, refused: 4, failed: 4, aborted: 5, timeout: 5 } as const
/** The number that RFC 5612 keeps for those who have none of their own. */
const enterprise = 32473

const printable = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '_').slice(0, most) || '-'

/** RFC 5424. */
function syslogOf (entry: AuditEntry): string {
  const data = fieldsOf(entry).map(([name, value]) => `${printable(name, 32).replace(/[="\]]/g, '_')}="${value.replace(/["\\\]]/g, '\\$&')}"`)
  const priority = facility * 8 + (entry.act === 'audit.damaged' ? 2 : severities[entry.outcome])
  const head = [`<${priority}>1`, entry.at, printable(hostname(), 255), 'openclaw-gateway', '-', printable(entry.act, 32)]
  return `${head.join(' ')} [openclaw@${enterprise} ${data.join(' ')}]`
}

const cefSeverities = { ok: 3, started: 2, refused: 6, failed: 7, aborted: 4, timeout: 5 } as const
const cefHead = (text: string): string => text.replace(/[\\|]/g, '\\$&')
const cefValue = (text: string): string => text.replace(/[\\=]/g, '\\$&')

/** Common Event Format, version 0. Names that it has are used; the rest goes under our own. */
function cefOf (entry: AuditEntry): string {
  const { act, outcome, actor, code, seq, at, hash, kind, about = {} } = entry
  const { address, principal, method, role, client, user } = actor ?? {}
  const source = address === undefined ? [] : address.includes(':') ? [['c6a2', address], ['c6a2Label', 'source']] : [['src', address]]
  const extension = [
    ['rt', String(Date.parse(at))], ['externalId', String(seq)], ['cat', kind], ['outcome', outcome], ['reason', code], ['suser', principal],
    ['spriv', role], ['requestClientApplication', client], ['cs1', hash], ['cs1Label', 'hash'],
    ...method === undefined ? [] : [['cs2', method], ['cs2Label', 'credential']],
    ...user === undefined ? [] : [['suid', user]],
    ...source,
    ...Object.entries(about).map(([name, value]) => [`openclaw${name[0]!.toUpperCase()}${name.slice(1)}`, factText(value)])
  ].filter((field): field is [string, string] => field[1] !== undefined && field[1] !== '')
  const head = ['CEF:0', 'openclaw-gateway', 'gateway', packageVersion(), act, `${act} ${outcome}`].map(cefHead).join('|')
  const severity = act === 'audit.damaged' ? 10 : cefSeverities[outcome]
  return `${head}|${severity}|${extension.map(([name, value]) => `${name}=${cefValue(value)}`).join(' ')}`
}

/** JSON is that of the file: whoever has the lines can prove them. */
const writers: { readonly [format in AuditFormat]: (entry: AuditEntry) => string } = {
  jsonl: entry => JSON.stringify(entry), syslog: syslogOf, cef: cefOf
}

export const formatEntry = (entry: AuditEntry, format: AuditFormat): string => writers[format](entry)
