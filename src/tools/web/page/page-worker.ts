/** The thread that reads pages: what strangers wrote is taken apart where nothing waits for it. */
import { parentPort } from 'node:worker_threads'
import { mainContent } from './main-content.ts'
import { renderPage } from './rendering.ts'
import { parsePage } from './tree.ts'

export interface PageJob {
  readonly html: string
  readonly url: string
  readonly mode: 'markdown' | 'text'
  /** False: the page as a whole. */
  readonly mainOnly: boolean
}

export interface PageAnswer {
  readonly title?: string
  readonly text?: string
  readonly error?: string
}

function read ({ html, url, mode, mainOnly }: PageJob): PageAnswer {
  const { title, base, root } = parsePage(html)
  const baseUrl = (base === undefined ? undefined : URL.parse(base, url)?.href) ?? url
  return { title, text: renderPage(mainOnly ? mainContent(root) : root, { mode, baseUrl }) }
}

parentPort!.on('message', (job: PageJob) => {
  try {
    parentPort!.postMessage(read(job))
  } catch (error) {
    parentPort!.postMessage({ error: String(error) } satisfies PageAnswer)
  }
})
