/** Plugins as people write them: real directories with real files. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface PluginFiles { readonly [name: string]: string }

/** Beside the directory of the test, which a gateway of the test makes anew. */
export function pluginDirectory (t: { teardown (fn: () => unknown): unknown }): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'openclaw-plugins-')))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A directory below `parent` named after the plugin, with a manifest around `manifest`. Returns its path. */
export function writePlugin (parent: string, id: string, files: PluginFiles, manifest: object = {}): string {
  const root = join(parent, id)
  const all = { 'openclaw.plugin.json': JSON.stringify({ id, configSchema: { type: 'object', additionalProperties: false }, ...manifest }), ...files }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true, mode: 0o755 })
    writeFileSync(join(root, name), text, { mode: 0o644 })
  }
  return root
}

/** A plugin whose whole code is the body of `register (api)`, with the SDK at hand as `sdk`. */
export const registering = (body: string): PluginFiles => ({
  'index.mjs': `import * as sdk from 'openclaw/plugin-sdk'\nexport default { async register (api) {\n${body}\n} }\n`
})
