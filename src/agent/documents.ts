/** Files that programs send with a message: what a model can read of them is their text. */
import { Worker } from 'node:worker_threads'
import { createHiredThread } from '../lib/hired-thread.ts'
import { GatewayError } from '../protocol/errors.ts'
import { decodeText, looksBinary } from '../tools/web/page/charset.ts'
import { createPageReader } from '../tools/web/page/page-reader.ts'
import { cutText } from '../tools/guards/untrusted.ts'
import { visible } from '../tools/web/visible-text.ts'
import type { DocumentAnswer, DocumentJob } from './document-worker.ts'

export interface DocumentFile {
  readonly name: string
  /** As its sender names it; charset included. */
  readonly mimeType: string
  readonly bytes: Uint8Array
}

export interface DocumentLimits {
  readonly maxChars: number
  readonly maxPages: number
}

export interface Documents {
  /** Its text, and what of it is missing. Throws INVALID_PARAMS for what cannot be read. */
  read (file: DocumentFile, limits: DocumentLimits): Promise<{ text: string, note?: string }>
  close (): Promise<void>
}

/** Each may be as large as a request. */
const maxWaiting = 8

const isPdf = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 1024)).includes('%PDF-')

export function createDocuments (): Documents {
  const pages = createPageReader()
  const pdfs = createHiredThread<DocumentJob, DocumentAnswer>({
    start: () => new Worker(new URL('./document-worker.ts', import.meta.url), {
      name: 'documents', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256 }
    }),
    timeoutMs: 15_000,
    idleMs: 30_000
  })

  async function pdfText ({ name, bytes }: DocumentFile, { maxPages, maxChars }: DocumentLimits): Promise<{ text: string, note?: string }> {
    if (pdfs.waiting >= maxWaiting) throw new GatewayError('BUSY', { message: 'too many PDF files are being read' })
    const answer = await pdfs.perform({ bytes: Uint8Array.from(bytes), maxPages, maxChars }).catch((cause: unknown) => {
      throw new GatewayError('INVALID_PARAMS', { message: `the PDF file ${name} cannot be read; it may be broken, encrypted or too large`, cause })
    })
    const { text = '', pages: count = 0 } = answer
    if (text === '') {
      throw new GatewayError('INVALID_PARAMS', { message: `the PDF file ${name} has no text, only pictures of it; send its pages as images` })
    }
    return { text, ...count > maxPages ? { note: `The first ${maxPages} of ${count} pages.` } : {} }
  }

  async function textOf (file: DocumentFile, limits: DocumentLimits): Promise<{ text: string, note?: string }> {
    const { name, mimeType, bytes } = file
    const type = mimeType.split(';')[0]!.trim().toLowerCase()
    if (type === 'application/pdf') {
      if (isPdf(bytes)) return await pdfText(file, limits)
      throw new GatewayError('INVALID_PARAMS', { message: `${name} is named a PDF file and is none` })
    }
    if (!/utf-?16/i.test(mimeType) && looksBinary(bytes)) {
      throw new GatewayError('INVALID_PARAMS', { message: `${name} is named ${type} and is no text` })
    }
    const decoded = decodeText(bytes, mimeType)
    if (type !== 'text/html') return { text: visible(decoded) }
    const { text } = await pages.read({ html: decoded, url: 'about:blank', mode: 'markdown', mainOnly: false }).catch((cause: unknown) => {
      throw new GatewayError('INVALID_PARAMS', { message: `the HTML of ${name} cannot be read`, cause })
    })
    return { text }
  }

  return {
    async read (file, limits) {
      const { text, note } = await textOf(file, limits)
      if (text.length <= limits.maxChars) return { text, ...note === undefined ? {} : { note } }
      const cut = `The first ${limits.maxChars} characters.`
      return { text: cutText(text, limits.maxChars), note: note === undefined ? cut : `${note} ${cut}` }
    },
    async close () {
      await pages.close()
      await pdfs.close()
    }
  }
}
