import t from 'tap'
import { ConnectErrorDetailCodes } from '@openclaw/gateway-protocol/connect-error-details'
import { ownFiles, read } from './source-tree.ts'

/** What the contract has a code for and this gateway has no way to refuse: each with the reason. */
const notRefused: { readonly [code: string]: string } = {
  AUTH_TAILSCALE_IDENTITY_MISSING: 'a tailscale identity lets nobody in',
  AUTH_TAILSCALE_PROXY_MISSING: 'a tailscale identity lets nobody in',
  AUTH_TAILSCALE_WHOIS_FAILED: 'a tailscale identity lets nobody in',
  AUTH_TAILSCALE_IDENTITY_MISMATCH: 'a tailscale identity lets nobody in',
  AUTH_VERIFIED_USER_REQUIRED: 'users have no roles',
  AUTHENTICATED_PROFILE_UNAVAILABLE: 'users have no profiles',
  CONTROL_UI_BUILD_MISMATCH: 'no control UI is bundled, so none can be of another build',
  DEVICE_AUTH_INVALID: 'every fault of a device proof has a code of its own',
  CLIENT_VERSION_MISMATCH: 'node hosts of every version are served'
}

t.test('every way to refuse a connect that the contract names is tried over a socket, or cannot happen here', async t => {
  const tried = ['test/flows', 'test/security'].flatMap(folder => ownFiles(folder)).map(read).join('')
  const codes: readonly string[] = Object.values(ConnectErrorDetailCodes)
  const untried = codes.filter(code => !tried.includes(`'${code}'`))
  t.same(untried.sort(), Object.keys(notRefused).sort())
})
