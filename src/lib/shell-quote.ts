/** A text as one word of a POSIX shell. What it holds stands in quotes, so that nothing of it can end them. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The same for people: a word that no shell would read otherwise stays as it is. */
export const shellWord = (text: string): string => /^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text)
