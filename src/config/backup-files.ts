/** Earlier versions of the configuration, the newest first, by what is put behind its name. */
export const backupSuffixes = ['.bak', '.bak.1', '.bak.2', '.bak.3', '.bak.4'] as const

/** The last one that a gateway has run with, all of it. */
export const lastGoodSuffix = '.last-good'
