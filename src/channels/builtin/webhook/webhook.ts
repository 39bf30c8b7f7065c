/** Programs of your own: they call us, signed, and we call them. README.md says how. */
import { hash } from 'node:crypto'
import { defineChannel } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { live } from '../../life.ts'
import { createHook } from './hook.ts'
import { createWebhookOutbound, mediaLimitBytes, textLimit } from './outbound.ts'
import { missingSettings, readSettings, webhookKeys, type WebhookKeys } from './settings.ts'

/** For so long the other side has to know what it has by its id. */
const receiversRememberMs = 24 * 3_600_000

export const webhook = defineChannel<WebhookKeys>({
  id: 'webhook',
  label: 'Webhook',
  config: webhookKeys,
  limits: { textLength: textLimit, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  repeatMs: receiversRememberMs,
  markup: 'markdown',
  mode: 'webhook',
  missing: missingSettings,
  async start (context) {
    const settings = await readSettings(context)
    return await live(context, ({ signal }) => {
      // A call that was signed for one account would be good for the other.
      for (const secret of new Set([settings.secret, settings.previousSecret])) {
        if (secret !== undefined) readAlone(`webhook ${hash('sha256', secret)}`, 'secret', context.accountId, signal)
      }
      const { send, edit, remove, react, typing, probe, fetch } = createWebhookOutbound({
        settings, context, guard: async () => (await import('../../../lib/outbound/outbound.ts')).createOutbound()
      })
      return {
        send,
        ...(settings.hasAllEvents ? { edit, remove, react, typing } : {}),
        probe,
        webhook: createHook(settings, context, fetch)
      }
    })
  }
})
