/** What agents have of the web: pages, searches, pictures and speech, all through one guard. */
import type { Images } from '../agent/images.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Models } from '../providers/model.ts'
import type { Files } from '../tools/files/files.ts'
import type { MediaSources } from '../tools/media/sources.ts'
import { createWeb, type Web } from '../tools/web/web.ts'

export interface WebParts {
  readonly config: () => LoadedConfig
  readonly now: () => number
  readonly models: Models
  readonly files: Files
  readonly images: Pick<Images, 'prepare'>
}

export function composeWeb ({ config, now, models, files, images }: WebParts): MediaSources & { readonly web: Web } {
  const web = createWeb({ config, now })
  return { web, media: { config, now, models, files, outbound: web.outbound, prepare: images.prepare } }
}
