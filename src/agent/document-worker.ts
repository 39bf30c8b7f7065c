/** The thread that reads PDF files: what strangers made is taken apart where nothing waits for it. */
import { parentPort } from 'node:worker_threads'
import { getDocumentProxy } from 'unpdf'

export interface DocumentJob {
  readonly bytes: Uint8Array
  readonly maxPages: number
  readonly maxChars: number
}

export interface DocumentAnswer {
  readonly text?: string
  readonly pages?: number
  readonly error?: string
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>

async function pageText (pdf: Pdf, page: number): Promise<string> {
  const { items } = await (await pdf.getPage(page)).getTextContent()
  let text = ''
  for (const item of items) if ('str' in item) text += item.hasEOL ? `${item.str}\n` : item.str
  return text.trim()
}

async function read ({ bytes, maxPages, maxChars }: DocumentJob): Promise<DocumentAnswer> {
  const pdf = await getDocumentProxy(bytes, { verbosity: 0 })
  const texts: string[] = []
  let chars = 0
  for (let page = 1; page <= Math.min(pdf.numPages, maxPages) && chars < maxChars; page++) {
    const text = await pageText(pdf, page)
    texts.push(text)
    chars += text.length
  }
  const pages = pdf.numPages
  await pdf.loadingTask.destroy()
  return { text: texts.filter(text => text !== '').join('\n\n').slice(0, maxChars + 1), pages }
}

parentPort!.on('message', (job: DocumentJob) => {
  read(job).catch((error: unknown): DocumentAnswer => ({ error: String(error) })).then(answer => parentPort!.postMessage(answer))
})
