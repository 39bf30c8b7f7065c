/** Where the gateway of this configuration writes its log. */
import { tmpdir } from 'node:os'
import { defaultLogFile } from '../log/default-log-file.ts'
import { fileAt } from '../log/log-files.ts'
import type { LocalSettings } from './local-settings.ts'

export function currentLogFile ({ loaded, paths }: Pick<LocalSettings, 'loaded' | 'paths'>): string | null {
  const { file } = loaded.config.logging
  if (file) return fileAt(file, Date.now())
  return defaultLogFile({ profile: paths.profile, now: Date.now, tmpdir: tmpdir(), uid: process.getuid?.() })
}
