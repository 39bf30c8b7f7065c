import type { ConfigIssue } from './issues.ts'
import type { LoadedConfig } from './load.ts'
import { valueAt } from './path-syntax.ts'

type Judged = Pick<LoadedConfig, 'exists' | 'issues' | 'config' | 'source' | 'path'>

/** What a file can be blameless in and the gateway does not start with all the same. */
export function startObstacles ({ exists, issues, config: { gateway }, source, path: file }: Judged): ConfigIssue[] {
  if (!exists || issues.some(({ critical }) => critical)) return []
  const isSet = (key: string): boolean => (valueAt(source, ['gateway', 'auth', key]) ?? undefined) !== undefined
  const obstacle = (path: string, message: string): ConfigIssue => ({ path, message, file, critical: false })
  return [
    ...(gateway.mode === undefined
      ? [obstacle('gateway.mode', 'is missing, and the gateway does not start without it; openclaw config set gateway.mode local')]
      : []),
    ...(!isSet('mode') && isSet('token') && isSet('password')
      ? [obstacle('gateway.auth.mode', 'is missing beside a token and a password, and the gateway does not start without it; set it to token or password')]
      : []),
    ...(gateway.dataPlane.enabled && gateway.dataPlane.requireMention && !gateway.dataPlane.mentionPatterns.some(pattern => pattern.trim() !== '')
      ? [obstacle('gateway.dataPlane.mentionPatterns', 'names no word while requireMention is set, and the gateway does not start so; set it to ["@bot"]')]
      : [])
  ]
}
