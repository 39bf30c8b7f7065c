/** What a file is, where nobody says so: by its extension. */
const types: ReadonlyMap<string, string> = new Map([
  ['txt', 'text/plain'], ['md', 'text/markdown'], ['csv', 'text/csv'], ['html', 'text/html'], ['json', 'application/json'],
  ['xml', 'application/xml'], ['pdf', 'application/pdf'], ['zip', 'application/zip'], ['png', 'image/png'], ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'], ['gif', 'image/gif'], ['webp', 'image/webp'], ['mp3', 'audio/mpeg'], ['wav', 'audio/wav'], ['ogg', 'audio/ogg'],
  ['mp4', 'video/mp4'], ['webm', 'video/webm'], ['mov', 'video/quicktime'],
  ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet']
])

export const typeOfName = (name: string): string => types.get(/\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '') ?? 'application/octet-stream'

/** Without parameters. */
export const plainType = (type: string): string => type.split(';', 1)[0]!.trim().toLowerCase()
