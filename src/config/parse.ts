/** Text to value. Plain JSON takes the fast way; JSON5 is loaded for the files that need it. */

const maxDepth = 100

export class ConfigSyntaxError extends Error {
  readonly line: number
  readonly column: number

  constructor (message: string, line: number, column: number) {
    super(message)
    this.name = 'ConfigSyntaxError'
    this.line = line
    this.column = column
  }
}

interface Json5Error { message: string, lineNumber?: number, columnNumber?: number }

/** Nothing that walks a configuration needs to fear for its stack. */
function isTooDeep (root: unknown): boolean {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return true
    level = level.flatMap(value => typeof value === 'object' && value !== null ? Object.values(value) : [])
  }
  return false
}

export async function parseConfigText (text: string): Promise<unknown> {
  const value = await parseText(text.startsWith('\ufeff') ? text.slice(1) : text)
  if (isTooDeep(value)) throw new ConfigSyntaxError(`nested deeper than ${maxDepth} levels`, 1, 1)
  return value
}

async function parseText (text: string): Promise<unknown> {
  try {
    return JSON.parse(text)
  } catch {
    const { default: json5 } = await import('json5')
    try {
      return json5.parse(text)
    } catch (error) {
      const { message, lineNumber = 1, columnNumber = 1 } = error as Json5Error
      throw new ConfigSyntaxError(`not valid JSON5: ${message.replace(/^JSON5: /, '').replace(/ at \d+:\d+$/, '')}`, lineNumber, columnNumber)
    }
  }
}
