/** Where a file has no room for its text, the text follows it; a second try must not send the file again. */
import { createRecent } from '../lib/recent.ts'
import type { SendOutcome } from './define-channel.ts'

export interface FileThenText {
  (key: string, file: () => Promise<SendOutcome>, text: () => Promise<SendOutcome>): Promise<SendOutcome>
}

const rememberedFiles = 200

export function createFileThenText (): FileThenText {
  const sentFiles = createRecent<string>(rememberedFiles)
  return async (key, file, text) => {
    if (sentFiles.get(key) === undefined) {
      const outcome = await file()
      if (outcome.kind !== 'sent') return outcome
      sentFiles.set(key, outcome.messageId)
    }
    const outcome = await text()
    if (outcome.kind === 'sent') sentFiles.delete(key)
    return outcome
  }
}
