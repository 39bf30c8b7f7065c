import type { InstalledService } from '../service/service.ts'
import type { LocalSettings } from './local-settings.ts'

interface Known {
  readonly installed: InstalledService | undefined
  readonly settings: LocalSettings
}

/** The port that the service was given, which may not be the one that is configured by now. */
export function servicePort ({ installed, settings }: Known): number {
  const words = installed?.programArguments ?? []
  const given = Number(words[words.indexOf('--port') + 1])
  return words.includes('--port') && Number.isInteger(given) && given > 0 ? given : settings.port
}
