/** What the tools about pictures and sound need from the house. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import type { ImagePart } from '../../protocol/transcript.ts'
import type { Models } from '../../providers/model.ts'
import type { Files } from '../files/files.ts'

export interface MediaRoom {
  readonly config: () => LoadedConfig
  readonly models: Pick<Models, 'find' | 'allowed' | 'route' | 'step'>
  readonly files: Files
  readonly outbound: Outbound
  readonly now: () => number
  /** Checks pictures by their bytes and makes them as small as a model is meant to see them. Throws GatewayError. */
  readonly prepare: (images: readonly ImagePart[]) => Promise<readonly ImagePart[]>
}

export interface MediaSources { readonly media: MediaRoom }
