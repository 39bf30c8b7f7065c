/** Why a plugin is not there, in words for whoever runs the gateway. */
export class PluginProblem extends Error {
  override readonly name = 'PluginProblem'
}

const longestReason = 500

/** Whatever a plugin threw, as one line: errors of strangers may be anything, and even asking them may throw. */
export function reasonOf (error: unknown): string {
  try {
    const text = error instanceof Error ? `${error.name === 'PluginProblem' ? '' : `${error.name}: `}${error.message}` : String(error)
    return text.replaceAll(/\s+/g, ' ').trim().slice(0, longestReason) || 'it gave no reason'
  } catch {
    return 'it threw something that cannot be read'
  }
}
