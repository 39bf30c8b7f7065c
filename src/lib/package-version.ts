import { readFileSync } from 'node:fs'

/** The version of this package. Source and compiled code lie equally deep below package.json. */
export function packageVersion (): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}
