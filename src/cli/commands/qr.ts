import { command, flag, text, unset, UsageError } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import type { SetupCode } from '../setup-code.ts'
import { isLoopbackUrl } from '../target.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'qr',
  summary: 'Make a setup code for a phone, as QR code and as text',
  options: {
    ...rpcOptions,
    setupCodeOnly: flag('Print nothing but the code'),
    limited: flag('Without administration rights'),
    voiceNode: flag('For a voice device: node, reading and talking only'),
    publicUrl: text('url', 'Address at which the phone reaches the gateway'),
    ascii: unset('No QR code, only the text')
  },
  examples: [
    ['openclaw qr --public-url wss://gateway.example.com', 'Scan it with the app; works once, for ten minutes.'],
    ['openclaw qr --setup-code-only', 'For copying.']
  ],
  async run (context) {
    const { options, out } = context
    if (options.limited && options.voiceNode) throw new UsageError('--limited and --voice-node exclude each other')
    const bootstrapProfile = options.voiceNode ? 'voice-node' : options.limited ? 'limited' : 'full'
    const params = { bootstrapProfile, ...(options.publicUrl ? { publicUrl: options.publicUrl } : {}) } as const
    return await withGateway(context, deviceCourse('Setup code'), async ({ client }) => {
      const code = await client.request('device.pair.setupCode', params) as SetupCode
      if (!options.publicUrl && isLoopbackUrl(code.gatewayUrl)) {
        throw new CommandFailure(
          'The gateway listens on loopback only, so a phone cannot reach it. Set gateway.bind=lan, or name its address with --public-url.'
        )
      }
      if (options.json) out.json(code)
      else if (options.setupCodeOnly) out.line(code.setupCode)
      else {
        const { renderUnicodeCompact } = await import('uqr')
        if (options.ascii) out.line(renderUnicodeCompact(code.setupCode))
        out.line(`Setup code: ${code.setupCode}`)
        out.line(`Gateway: ${code.gatewayUrl}${code.access ? ` (${code.access} access)` : ''}`)
        if (code.expiresAtMs) out.line(`Works once, until ${new Date(code.expiresAtMs).toLocaleTimeString()}.`)
      }
      return 0
    })
  }
})
