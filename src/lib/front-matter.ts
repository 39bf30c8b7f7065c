/** The fields between the lines of dashes; a text that goes on in indented lines is one. */
export function frontMatter (markdown: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const [, head] = /^\ufeff?---[^\S\n]*\r?\n([\s\S]*?)\n---/.exec(markdown) ?? []
  let field = ''
  for (const line of (head ?? '').split(/\r?\n/)) {
    const [, name, value = ''] = /^([A-Za-z][\w-]*):(.*)$/.exec(line) ?? []
    if (name !== undefined) fields.set(field = name.toLowerCase(), value.trim().replace(/^[>|][+-]?$/, ''))
    else if (field !== '' && /^\s+\S/.test(line)) fields.set(field, `${fields.get(field)} ${line.trim()}`)
    else field = ''
  }
  return fields
}
