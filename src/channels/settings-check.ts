import { Ajv, type ValidateFunction } from 'ajv'
import type { Channel } from './define-channel.ts'
import type { AccountEntry } from './entries.ts'

/** Compiling costs more than ten accounts do, so it is done once for a channel. */
const checks = new WeakMap<Channel['config'], ValidateFunction>()

function checkOf ({ config }: Channel): ValidateFunction {
  const known = checks.get(config)
  if (known) return known
  const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false })
  const check = ajv.compile({ ...config, additionalProperties: true })
  checks.set(config, check)
  return check
}

/** Settings that do not fit are named before the account is tried. */
export function settingsProblem (channel: Channel, keys: AccountEntry['config']): string | undefined {
  const validate = checkOf(channel)
  if (validate(keys)) return undefined
  const { instancePath, message } = validate.errors![0]!
  return `${instancePath.slice(1).replaceAll('/', '.') || 'its settings'} ${message}`
}
