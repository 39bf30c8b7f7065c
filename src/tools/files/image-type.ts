/** Pictures that models can look at, known by how they begin. */

const signatures: ReadonlyArray<{ readonly mimeType: string, readonly matches: (head: Buffer) => boolean }> = [
  { mimeType: 'image/png', matches: head => head.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) },
  { mimeType: 'image/jpeg', matches: head => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff },
  { mimeType: 'image/gif', matches: head => /^GIF8[79]a/.test(head.toString('latin1', 0, 6)) },
  { mimeType: 'image/webp', matches: head => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP' }
]

export const imageType = (head: Buffer): string | undefined => signatures.find(({ matches }) => matches(head))?.mimeType
