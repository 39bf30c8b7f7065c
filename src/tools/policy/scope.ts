/** One `{allow, alsoAllow, deny}` of the configuration and what it says about a tool. */
import type { NamedTool } from '../names.ts'
import { allowingEntry, entryFor } from './patterns.ts'
import { profiles, type ProfileName } from './profiles.ts'

export interface Scope {
  readonly profile?: ProfileName
  readonly allow?: readonly string[]
  readonly alsoAllow?: readonly string[]
  readonly deny?: readonly string[]
}

/** What a rule finds. */
export interface Finding {
  readonly denied: boolean
  readonly because: string
}

export const passes = (because: string): Finding => ({ denied: false, because })
export const denied = (because: string): Finding => ({ denied: true, because })

const isList = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(item => typeof item === 'string')

/** A scope that nobody has checked. What cannot be read as a rule forbids: it was written to forbid something. */
export function readScope (value: unknown): Scope | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) return { deny: ['*'] }
  const { allow, alsoAllow, deny } = value as { [field: string]: unknown }
  return {
    ...(allow === undefined ? {} : { allow: isList(allow) ? allow : [] }),
    ...(isList(alsoAllow) ? { alsoAllow } : {}),
    ...(deny === undefined ? {} : { deny: isList(deny) ? deny : ['*'] })
  }
}

/** Deny wins; where there is an allow list, only what it or alsoAllow names is left. An empty one leaves nothing. */
export function judgeScope (tool: NamedTool, scope: Scope | undefined, at: string): Finding {
  if (!scope) return passes('nothing is set')
  const refused = entryFor(tool, scope.deny ?? [])
  if (refused !== undefined) return denied(`${at}.deny has "${refused}"`)
  if (!scope.allow) return passes(scope.deny?.length ? `${at}.deny does not name it` : 'nothing is set')
  const found = allowingEntry(tool, scope.allow) ?? allowingEntry(tool, scope.alsoAllow ?? [])
  return found === undefined ? denied(`${at}.allow does not name it`) : passes(`${at}.allow has "${found}"`)
}

/** `more` is what stands beside the profile and adds to it. */
export function judgeProfile (tool: NamedTool, profile: ProfileName | undefined, at: string, more: readonly string[] = []): Finding {
  if (profile === undefined) return passes('nothing is set')
  if (allowingEntry(tool, profiles[profile]) !== undefined) return passes(`${at} is "${profile}"`)
  const added = allowingEntry(tool, more)
  return added === undefined ? denied(`${at} is "${profile}", which does not have it`) : passes(`alsoAllow beside ${at} has "${added}"`)
}
