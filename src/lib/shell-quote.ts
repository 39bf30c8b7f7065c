/** A text as one word of a POSIX shell. What it holds stands in quotes, so that nothing of it can end them. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The same for people: a word that no shell would read otherwise, as `A=1` at the beginning of a line, stays as it is. */
export const shellWord = (text: string): string => /^(?!\w+=)[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text)

const shell = /^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z)?sh$/

/** A line for the shell. What is such a line already stays one, so that the rules for commands see the commands in it. */
export function shellLine (argv: readonly string[]): string {
  const [file = '', flag = '', line] = argv
  return shell.test(file) && /^-l?c$/.test(flag) && argv.length === 3 ? line! : argv.map(shellWord).join(' ')
}
