/** Markdown as the few marks that WhatsApp shows. */

/** Stands for a mark that is done, so that it is not read as one again. Text of people has no such character. */
const bold = '\uE000'

const inline = (line: string): string => line
  .replace(/(`+)(.+?)\1/g, (_all, _ticks: string, code: string) => `\uE001${Buffer.from(code).toString('base64')}\uE001`)
  .replace(/!?\[([^\]\n]*)\]\(<?([^()\s>]+)>?(?:\s+"[^"]*")?\)/g, (_all, label: string, address: string) => label === '' || label === address ? address : `${label} (${address})`)
  .replace(/\*\*\*(?=\S)(.+?)(?<=\S)\*\*\*/g, `${bold}_$1_${bold}`)
  .replace(/\*\*(?=\S)(.+?)(?<=\S)\*\*/g, `${bold}$1${bold}`)
  .replace(/(?<![\w_])__(?=\S)(.+?)(?<=\S)__(?![\w_])/g, `${bold}$1${bold}`)
  .replace(/(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])/g, '_$1_')
  .replace(/~~(?=\S)(.+?)(?<=\S)~~/g, '~$1~')
  .replace(/^(\s*)[*+]\s+/, '$1- ')
  .replaceAll(bold, '*')
  .replace(/\uE001([^\uE001]*)\uE001/g, (_all, code: string) => `\`${Buffer.from(code, 'base64').toString()}\``)

function lineOf (line: string): string {
  const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
  if (heading === undefined) return inline(line)
  const plain = heading.replaceAll('**', '')
  return plain === '' ? '' : inline(`**${plain}**`)
}

export function toWhatsappText (markdown: string): string {
  let isCode = false
  return markdown.replace(/[\uE000\uE001]/g, '').split('\n').map(line => {
    if (/^\s*(?:```|~~~)/.test(line)) {
      isCode = !isCode
      return '```'
    }
    return isCode ? line : lineOf(line)
  }).join('\n')
}
