/** Marks that nobody sees: zero-width spaces, turned reading directions, tags. Joiners stay; scripts and emoji need them. */
const invisible =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|[^\P{Cc}\t\n\r]/gu

/** The text as people see it: what is hidden in it is meant for machines. */
export const visible = (text: string): string => text.replace(invisible, '')
