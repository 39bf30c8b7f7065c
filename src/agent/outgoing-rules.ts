/** Applies regular expressions of the configuration to what is said, within a time that no pattern can exceed. */
import { createContext, Script, type Context } from 'node:vm'

export interface Rule {
  readonly pattern: string
  readonly replace: string
  readonly flags: string
  /** `line`: applied to each line by itself; `reply`: to a reply as a whole, which is then told when it is complete. */
  readonly scope: 'line' | 'reply'
}

/** For everything that comes at once: a stop of the gateway for so long is still none. */
const timeoutMs = 100

/** Only a script can be ended while an expression is at work, so these run as one, in a context that has nothing else. */
const script = new Script(`(() => {
  const through = (text, rules) => rules.reduce((current, [pattern, replace]) => current.replace(pattern, replace), text)
  const lines = rules.filter(rule => !rule[2])
  const whole = rules.filter(rule => rule[2])
  const byLine = lines.length === 0 ? text : text.split('\\n').map(line => through(line, lines)).join('\\n')
  return through(byLine, whole)
})()`)

let context: Context | undefined

/** On a busy machine the time may have passed with nothing done: only time at work counts. */
function attempt (within: Context, left = 10): unknown {
  const before = process.cpuUsage()
  try {
    return script.runInContext(within, { timeout: timeoutMs })
  } catch (error) {
    const { user, system } = process.cpuUsage(before)
    const wasIdle = (user + system) / 1000 < timeoutMs * 0.8
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' && wasIdle && left > 0) return attempt(within, left - 1)
    throw error
  }
}

export function applyRules (text: string, rules: readonly Rule[]): string {
  context ??= createContext(Object.create(null) as Context)
  context['text'] = text
  context['rules'] = rules.map(({ pattern, replace, flags, scope }) => [new RegExp(pattern, flags), replace, scope === 'reply'])
  try {
    return String(attempt(context))
  } finally {
    context['text'] = context['rules'] = undefined
  }
}
