/**
 * Reads a command line the way a POSIX shell does, as far as it can be judged without running it. What it does not understand it says,
 * and whoever asks takes that for a refusal: a wrong guess here would be a hole.
 */

export interface ShellWord {
  /** The text after quotes are taken away. For a word that is not literal: what stands before the first part that is not. */
  readonly text: string
  /** False: the shell puts something in (a variable, a command, file names). */
  readonly isLiteral: boolean
  /** Something in it was quoted, so it is no keyword. */
  readonly isQuoted: boolean
}

export interface Redirection {
  readonly mode: 'read' | 'write'
  readonly target: ShellWord
}

export interface SimpleCommand {
  readonly words: readonly ShellWord[]
  readonly redirections: readonly Redirection[]
  /** What joins it with the one before it. */
  readonly joinedBy: 'start' | '&&' | '||' | ';' | '|' | '&'
  /** In a subshell or a substitution. */
  readonly isNested: boolean
}

export class NotUnderstood extends Error {}

const keywords = new Set(['if', 'then', 'elif', 'else', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac', 'select', 'function', 'time', 'coproc', '{', '}', '!', '[[', ']]', 'in'])
const maxLength = 16_384
const maxDepth = 8
const maxCommands = 64

const isBlank = (character: string): boolean => character === ' ' || character === '\t'
/** Characters that end a word. */
const isBorder = (character: string): boolean => ' \t\n|&;()<>'.includes(character)

class Reader {
  readonly commands: SimpleCommand[] = []
  private at = 0
  private readonly text: string
  private readonly depth: number

  constructor (text: string, depth: number) {
    if (depth > maxDepth) throw new NotUnderstood('commands are nested too deeply')
    if (text.length > maxLength) throw new NotUnderstood('the command is too long to be judged')
    // eslint-disable-next-line no-control-regex
    const control = /[\0-\x08\x0b-\x1f\x7f]/.exec(text)
    if (control) throw new NotUnderstood('the command has control characters in it')
    this.text = text
    this.depth = depth
  }

  /** Reads a list up to its end, or to the bracket that closes a subshell. */
  list (isNested: boolean, closing?: ')'): void {
    let joinedBy: SimpleCommand['joinedBy'] = 'start'
    for (;;) {
      this.skipBlank(joinedBy !== '|')
      if (this.peek() === '(') {
        if (this.peek(1) === '(') throw new NotUnderstood('"((" is not understood')
        this.at++
        this.list(true, ')')
        this.trailingRedirections()
      } else if (!this.simple(joinedBy, isNested) && joinedBy !== 'start' && joinedBy !== ';' && joinedBy !== '&') {
        throw new NotUnderstood('an operator has nothing behind it')
      }
      const next = this.operator(closing)
      if (next === undefined) return
      joinedBy = next
    }
  }

  private peek (ahead = 0): string { return this.text[this.at + ahead] ?? '' }

  private skipBlank (alsoLines: boolean): void {
    for (;;) {
      const character = this.peek()
      if (isBlank(character) || (alsoLines && character === '\n')) this.at++
      else if (character === '\\' && this.peek(1) === '\n') this.at += 2
      else if (character === '#') while (this.at < this.text.length && this.peek() !== '\n') this.at++
      else return
    }
  }

  private operator (closing?: ')'): SimpleCommand['joinedBy'] | undefined {
    this.skipBlank(false)
    const character = this.peek()
    if (character === '') {
      if (closing) throw new NotUnderstood('a bracket is not closed')
      return undefined
    }
    this.at++
    if (character === ')' && closing) return undefined
    if (character === '\n' || character === ';') {
      if (character === ';' && this.peek() === ';') throw new NotUnderstood('";;" is not understood')
      return ';'
    }
    if (character === '&') return this.peek() === '&' ? (this.at++, '&&') : '&'
    if (character === '|') {
      if (this.peek() === '&') throw new NotUnderstood('"|&" is not understood')
      return this.peek() === '|' ? (this.at++, '||') : '|'
    }
    throw new NotUnderstood(`${JSON.stringify(character)} is not understood here`)
  }

  /** True when there was a command. */
  private simple (joinedBy: SimpleCommand['joinedBy'], isNested: boolean): boolean {
    const words: ShellWord[] = []
    const redirections: Redirection[] = []
    for (;;) {
      this.skipBlank(false)
      const redirection = this.redirection()
      if (redirection) {
        if (redirection !== 'none') redirections.push(redirection)
        continue
      }
      if (this.at >= this.text.length || isBorder(this.peek())) break
      words.push(this.word())
    }
    if (words.length === 0 && redirections.length === 0) return false
    const [first] = words
    if (first && !first.isQuoted && keywords.has(first.text)) throw new NotUnderstood(`${JSON.stringify(first.text)} begins something that is not understood`)
    this.commands.push({ words, redirections, joinedBy, isNested })
    if (this.commands.length > maxCommands) throw new NotUnderstood('there are too many commands in it')
    return true
  }

  private trailingRedirections (): void {
    this.skipBlank(false)
    if ('<>'.includes(this.peek() || ' ') || /\d/.test(this.peek())) throw new NotUnderstood('redirecting a subshell is not understood')
  }

  /** `none`: one that touches no file. */
  private redirection (): Redirection | 'none' | undefined {
    const found = /^(?:\d*(?:>>|>\||>&|<&|<>|<<|>|<)|&>>|&>)/.exec(this.text.slice(this.at, this.at + 16))
    if (!found) return undefined
    const [sign] = found
    this.at += sign.length
    const kind = sign.replace(/^\d+/, '')
    if (kind === '<<' || kind === '<>' || this.peek() === '(' || this.peek() === '<') throw new NotUnderstood(`${JSON.stringify(kind)} is not understood`)
    this.skipBlank(false)
    if (this.at >= this.text.length || isBorder(this.peek())) throw new NotUnderstood('a redirection has no target')
    const target = this.word()
    if ((kind === '>&' || kind === '<&') && target.isLiteral && /^(\d+|-)$/.test(target.text)) return 'none'
    return { mode: kind.startsWith('<') ? 'read' : 'write', target }
  }

  private word (): ShellWord {
    let text = ''
    let isLiteral = true
    let isQuoted = false
    const add = (part: string): void => { if (isLiteral) text += part }
    while (this.at < this.text.length && !isBorder(this.peek())) {
      const character = this.peek()
      this.at++
      if (character === "'") {
        isQuoted = true
        add(this.until("'"))
      } else if (character === '"') {
        isQuoted = true
        const { text: part, isLiteral: literal } = this.doubleQuoted()
        add(part)
        isLiteral &&= literal
      } else if (character === '\\') {
        isQuoted = true
        if (this.peek() === '\n') this.at++
        else if (this.at >= this.text.length) throw new NotUnderstood('it ends with a backslash')
        else add(this.text[this.at++]!)
      } else if (character === '$' || character === '`') {
        this.expansion(character)
        isLiteral = false
      } else if ('*?[{~'.includes(character) && (character !== '~' || text === '' || text.endsWith('=') || text.endsWith(':'))) {
        isLiteral = false
      } else add(character)
    }
    return { text, isLiteral, isQuoted }
  }

  private until (end: string): string {
    const stop = this.text.indexOf(end, this.at)
    if (stop < 0) throw new NotUnderstood('a quote is not closed')
    const part = this.text.slice(this.at, stop)
    this.at = stop + 1
    return part
  }

  private doubleQuoted (): { text: string, isLiteral: boolean } {
    let text = ''
    let isLiteral = true
    for (;;) {
      const character = this.peek()
      if (character === '') throw new NotUnderstood('a quote is not closed')
      this.at++
      if (character === '"') return { text, isLiteral }
      if (character === '$' || character === '`') {
        if (character === '$' && (this.peek() === '"' || this.peek() === ' ')) text += isLiteral ? '$' : ''
        else {
          this.expansion(character)
          isLiteral = false
        }
      } else if (character === '\\' && '$`"\\\n'.includes(this.peek() || ' ')) {
        const escaped = this.text[this.at++]!
        if (isLiteral && escaped !== '\n') text += escaped
      } else if (isLiteral) text += character
    }
  }

  /** A variable, or a command whose own commands are judged as well. */
  private expansion (sign: '$' | '`'): void {
    if (sign === '`') return this.nested(this.backticks())
    const next = this.peek()
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?$#!@*-]|\{[A-Za-z_][A-Za-z0-9_]*\}|\{[0-9]+\})/.exec(this.text.slice(this.at, this.at + 256))
    if (name) {
      this.at += name[0].length
      return
    }
    if (next !== '(' || this.peek(1) === '(') throw new NotUnderstood(`"$${next}" is not understood`)
    this.at++
    const inner = new Reader(this.text.slice(this.at), this.depth + 1)
    inner.list(true, ')')
    this.commands.push(...inner.commands)
    this.at += inner.at
  }

  private backticks (): string {
    const stop = this.text.indexOf('`', this.at)
    if (stop < 0) throw new NotUnderstood('a quote is not closed')
    const inner = this.text.slice(this.at, stop)
    if (inner.includes('\\')) throw new NotUnderstood('a backslash between backticks is not understood')
    this.at = stop + 1
    return inner
  }

  private nested (text: string): void {
    const inner = new Reader(text, this.depth + 1)
    inner.list(true)
    this.commands.push(...inner.commands)
  }
}

/** Every command in a command line, those inside others too. Throws NotUnderstood. */
export function readCommands (text: string): readonly SimpleCommand[] {
  const reader = new Reader(text, 0)
  reader.list(false)
  if (reader.commands.length === 0) throw new NotUnderstood('there is no command in it')
  return reader.commands
}
