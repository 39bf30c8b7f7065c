import { backupSuffixes, lastGoodSuffix } from '../../config/backup-files.ts'
import { formatIssue, loadConfig, type ConfigIssue } from '../../config/load.ts'
import { startObstacles } from '../../config/start-obstacles.ts'
import { keepAside, writeConfigFile } from '../../config/write.ts'
import { readIfPresent } from '../../lib/private-file.ts'
import { changeConfig } from '../config-change.ts'
import type { LocalSettings } from '../local-settings.ts'
import type { Check, Facts, Finding } from './finding.ts'

/** The copy that a gateway has run with, or the newest other one with which it would start. */
async function soundBackup ({ paths, configPath, env }: LocalSettings): Promise<{ path: string, text: string } | undefined> {
  for (const ending of [lastGoodSuffix, ...backupSuffixes]) {
    const path = configPath + ending
    const text = await readIfPresent(path).catch(() => undefined)
    if (text === undefined) continue
    const loaded = await loadConfig({ paths, env, text })
    if (loaded.parsed !== undefined && !loaded.issues.some(({ critical }) => critical)) return { path, text }
  }
  return undefined
}

/** A file that no gateway starts with. */
async function broken (settings: LocalSettings, issue: ConfigIssue): Promise<Finding> {
  const { configPath } = settings
  const found = { checkId: 'config.file', severity: 'error' as const, path: configPath, message: formatIssue(issue, configPath) }
  const sound = await soundBackup(settings)
  if (!sound) return { ...found, fixHint: 'Correct it, then: openclaw config validate' }
  return {
    ...found,
    fixHint: `Correct it, or let openclaw doctor --fix take the last good copy (${sound.path})`,
    async repair () {
      const aside = await keepAside(configPath, 'clobbered', await readIfPresent(configPath) ?? '', Date.now)
      await writeConfigFile(configPath, sound.text, { allowDestructive: true, withoutBackup: true, env: settings.env })
      return `restored the configuration from ${sound.path}; what was there is ${aside}`
    }
  }
}

function obstacle ({ paths, configPath, env }: LocalSettings, { path, message }: ConfigIssue): Finding {
  const found = { checkId: 'config.start', severity: 'error' as const, path: configPath, message: `${path} ${message}`, fixHint: `Set ${path}.` }
  if (path !== 'gateway.mode') return found
  return {
    ...found,
    async repair () {
      await changeConfig([{ kind: 'set', path: 'gateway.mode', value: 'local' }], { paths, env })
      return 'set gateway.mode to "local"'
    }
  }
}

/** What runs goes on with what it has read, until it is begun anew. */
const whatRuns = ({ owner }: Facts, finding: Finding): Finding => owner && finding.severity === 'error'
  ? { ...finding, message: `${finding.message} (the gateway that runs goes on with what it read before)` }
  : finding

async function check ({ settings }: Facts): Promise<Finding[]> {
  const { loaded, configPath } = settings
  const validate = 'openclaw config validate shows what was expected.'
  if (loaded.exists && loaded.parsed === undefined) return [await broken(settings, loaded.issues[0]!)]
  const worst = loaded.issues.find(({ critical }) => critical)
  return [
    ...worst ? [await broken(settings, worst)] : [],
    ...loaded.issues.filter(issue => issue !== worst).map((issue): Finding =>
      ({ checkId: 'config.file', severity: 'error', path: loaded.path, message: formatIssue(issue, configPath), fixHint: validate })),
    ...loaded.warnings.map((issue): Finding =>
      ({ checkId: 'config.warning', severity: 'info', path: loaded.path, message: formatIssue(issue, configPath), fixHint: validate })),
    ...startObstacles(loaded).map(issue => obstacle(settings, issue))
  ]
}

export const configuration: Check = { id: 'config', run: async facts => (await check(facts)).map(finding => whatRuns(facts, finding)) }
