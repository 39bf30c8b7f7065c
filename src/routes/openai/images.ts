/** Pictures that a program sends along or names by URL. */
import type { ImagePart } from '../../protocol/transcript.ts'
import { createAttachmentReader, type AttachmentReaderOptions, type AttachmentSettings } from './attachments.ts'

export type ImageSettings = AttachmentSettings
export type ImageReaderOptions = Omit<AttachmentReaderOptions, 'kind'>

export interface ImageReader {
  /** `param` is the place in the request, for refusals. */
  read (url: unknown, param: string): Promise<ImagePart>
}

/** One for each request. */
export function createImageReader (options: ImageReaderOptions): ImageReader {
  const reader = createAttachmentReader({ ...options, kind: 'image' })
  return {
    async read (url, param) {
      const { data, mimeType } = await reader.read(url, param)
      return { type: 'image', data, mimeType }
    }
  }
}
