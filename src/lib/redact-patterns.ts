/**
 * What a credential looks like in free text. Every pattern here runs in linear time on any input: a scan either has a bound, or
 * cannot fail once it has begun, or can begin only once in the run of characters that it scans.
 */

export interface RedactRule {
  readonly pattern: RegExp
  /** What stands for the match; `groups` are the capture groups. Without it the last group, else the whole match, is masked. */
  readonly replace?: (match: string, groups: readonly (string | undefined)[], mask: (value: string) => string) => string
}

const names = '(?:api[-_ ]?key|(?:secret|access|private|signing|encryption)[-_]?key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|setup[-_]?code|' +
  'card[-_]?number|cvv2?|cvc2?|payment[-_]?credential)'

/** Words that follow "token:" or "--token" in sentences about credentials. They say nothing that is secret. */
const plainWords = new Set(('a absent an and authentication authorization accepted config configured configuration credentials empty env environment exec expired ' +
  'false file for from generated header if in invalid is missing mismatch no none not null of ok on only or password present rejected required revoked run ' +
  'scheme secret see set source stored string the to token true undefined unset unresolved use value was when with yes').split(' '))
const isPlainWord = (value: string): boolean => value.length < 16 && plainWords.has(value.toLowerCase().replace(/[.!?]$/, ''))

const maskAssignment: NonNullable<RedactRule['replace']> = (match, groups, mask) => {
  const [keyQuote, ...values] = groups
  const bare = values.at(-1)
  const value = values.find(found => found !== undefined) ?? ''
  if (bare !== undefined && isPlainWord(bare)) return match
  // An unquoted value after a quoted name is a JSON number; only a string can stand in its place.
  const quote = keyQuote !== undefined && bare !== undefined ? keyQuote : ''
  return match.slice(0, match.length - value.length) + quote + mask(value) + quote
}

const maskValue: NonNullable<RedactRule['replace']> = (match, groups, mask) => {
  const value = groups.at(-1) ?? match
  return isPlainWord(value) ? match : match.slice(0, match.length - value.length) + mask(value)
}

/** 40 characters of base64 are an AWS secret; 40 of hexadecimal are a commit. */
const maskAwsSecret: NonNullable<RedactRule['replace']> = (match, _groups, mask) =>
  /[A-Z]/.test(match) && /[a-z]/.test(match) && /\d/.test(match) ? mask(match) : match

/** name=value, name: value, "name": "value", and the same as JSON inside JSON; of deeper nesting only what has no escapes. */
const assignment = new RegExp([
  `${names}(\\\\*["'])?\\s{0,3}[=:]\\s{0,3}(?:`,
  String.raw`"((?:[^"\\]|\\.)+)|`,
  String.raw`'((?:[^'\\]|\\.)+)|`,
  String.raw`\\"((?:[^"\\]|\\\\(?:\\.|[^\\]))+)|`,
  String.raw`\\+["']([^"'\\]+)|`,
  String.raw`([^\s"'\\&,;<>(){}[\]]+))`
].join(''), 'gi')

/** Protections that a custom list does not replace: headers, forms, URLs with a password in them, AWS secrets. */
export const structuralRules: readonly RedactRule[] = [
  {
    pattern: /\b(?:proxy-)?authorization(?:\\*["'])?\s{0,3}[:=]\s{0,3}(?:\\*["'])?(?:(?:bearer|basic|digest|token|negotiate|apikey)\s{1,3})?([^"'\\\r\n]+)/gi,
    replace: maskValue
  },
  { pattern: /\b(?:set-)?cookie(?:\\*["'])?\s{0,3}:\s{0,3}(?:\\*["'])?([^"'\\\r\n]+)/gi, replace: maskValue },
  { pattern: new RegExp(names + '=([^&\\s"\'\\\\<>,;(){}[\\]]+)', 'gi'), replace: maskValue },
  { pattern: /\b(?:code_verifier|assertion|id_token_hint|x-amz-signature)=([^&\s"'\\<>]+)/gi, replace: maskValue },
  {
    pattern: /\/\/[^\s/:@"'\\]{0,128}:([^\s/@"'\\]{1,256})@/g,
    replace: (match, [value = ''], mask) => `${match.slice(0, match.length - value.length - 1)}${mask(value)}@`
  },
  { pattern: /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g, replace: maskAwsSecret }
]

/** The list that `logging.redactPatterns` replaces. */
export const defaultRules: readonly RedactRule[] = [
  { pattern: /card[-_ ]?number["']?\s{0,3}[:=]\s{0,3}["']?(\d[\d -]{7,22})/gi, replace: maskValue },
  { pattern: assignment, replace: maskAssignment },
  { pattern: /[A-Z0-9]_KEY\s{0,3}=\s{0,3}["']?([^\s"'\\&,;<>(){}[\]]+)/g, replace: maskValue },
  {
    pattern: /--[a-z-]{0,24}(?:token|secret|password|passphrase|api-?key|credential)(?:=|\s{1,3})["']?([^\s"'\\<>[\]]+)/gi,
    replace: maskValue
  },
  { pattern: /\bbearer\s{1,3}([\w.~+/=…-]{6,})/gi, replace: maskValue },
  {
    pattern: new RegExp('(?<![A-Za-z0-9_-])(?:(?:sk|pplx)-[\\w-]{8,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\\w{16,}|xox[a-z]-[\\w-]{8,}|xapp-[\\w-]{8,}|ocgw_[\\w-]{8,}|gsk_\\w{8,}|' +
      'AIza[\\w-]{16,}|npm_[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{16,}|glpat-[\\w-]{16,}|AKIA[A-Z0-9]{16}|ya29\\.[\\w-]{16,}|eyJ[\\w-]{8,}\\.[\\w-]{8,}(?:\\.[\\w-]*)?)', 'g')
  },
  // Telegram: the number of the bot, a colon, 35 characters. In its API's URLs "bot" stands directly before.
  { pattern: /(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}/g }
]

/** A text in which this finds nothing has nothing for the rules above: most lines end here. */
export const suspicion = new RegExp('key|token|secret|passw|passph|pwd|credential|setup|card|cv[vc]|authoriz|bearer|cookie|verifier|assertion|signature|' +
  '(?:sk|pplx|xox[a-z]|xapp|glpat)-|(?:gh[pousr]|pat|ocgw|gsk|npm|hf)_|aiza|akia|ya29|eyj|\\d{6}:|//[^/\\s]{0,128}:|[a-z0-9/+]{40}', 'i')

/** A quantifier on a group that itself holds one: the shape that can take exponential time. */
export function hasNestedQuantifier (source: string): boolean {
  const bare = source.replace(/\\./g, 'a').replace(/\[[^\]]*\]/g, 'a')
  const open: boolean[] = []
  for (let at = 0; at < bare.length; at++) {
    const character = bare[at]
    if (character === '(') open.push(false)
    else if (character === ')') {
      const inner = open.pop() ?? false
      if (inner && /^(?:[*+]|\{\d+,\d*\})/.test(bare.slice(at + 1, at + 12))) return true
      if (inner && open.length > 0) open[open.length - 1] = true
    } else if ((character === '*' || character === '+' || /^\{\d+,/.test(bare.slice(at, at + 8))) && open.length > 0) open[open.length - 1] = true
  }
  return false
}

/** `/p/flags`, or a bare pattern which then means `gi`. Null when it cannot be compiled or could hang the process. */
export function parsePattern (text: string): RegExp | null {
  const slashed = /^\/(.+)\/([a-z]*)$/s.exec(text)
  const source = slashed?.[1] ?? text
  const flags = slashed ? slashed[2] ?? '' : 'gi'
  if (source.trim() === '' || hasNestedQuantifier(source)) return null
  try {
    return new RegExp(source, flags.includes('g') ? flags : `${flags}g`)
  } catch {
    return null
  }
}
