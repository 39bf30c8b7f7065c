import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
import type { MediaSources } from '../media/sources.ts'
import type { Tool } from '../tool.ts'

/** Speaks a text for an agent, with the configured speech service. */
export const tts = ({ media }: MediaSources): Tool => defineTool({
  name: 'tts',
  description: 'Turns text into speech and saves it as a sound file in the workspace.',
  params: Type.Object({
    text: Type.String({ minLength: 1, description: 'What to say.' }),
    voice: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Another voice than the configured one.' })),
    channel: Type.Optional(Type.String({ description: 'The channel that it is for.' })),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000, description: 'Time for the speech service.' }))
  }),
  capability: 'media',
  groups: ['media'],
  reach: 'anywhere',
  effects: true,
  async run ({ channel: _channel, ...request }, context) {
    const [{ answering }, { speak }] = await Promise.all([import('../web/failure.ts'), import('../media/speaking.ts')])
    return await answering('tts', async () => await speak(media, request, context))
  }
})
