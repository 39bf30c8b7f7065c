import { randomBytes } from 'node:crypto'

export interface Upload {
  readonly field: string
  readonly name: string
  readonly mimeType: string
  readonly data: Uint8Array
}

/** Quotes and line ends would end the header that a name stands in. */
const quoted = (text: string): string => text.replace(/[\r\n"\\]/g, '_').toWellFormed().slice(0, 200)

/** A form with one file, as browsers send it. */
export function multipart (fields: { readonly [name: string]: unknown }, upload: Upload): { type: string, bytes: Buffer } {
  const { field, name, mimeType, data } = upload
  const boundary = `----openclaw${randomBytes(16).toString('hex')}`
  const parts = Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${key}"\r\n\r\n${typeof value === 'string' ? value : JSON.stringify(value)}\r\n`)
  const type = /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType : 'application/octet-stream'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${quoted(name)}"\r\ncontent-type: ${type}\r\n\r\n`
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    bytes: Buffer.concat([Buffer.from(parts.join('') + head), data, Buffer.from(`\r\n--${boundary}--\r\n`)])
  }
}
