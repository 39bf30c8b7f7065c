/** How somebody may write the name of a tool, and how he may come in. */
import { testToken } from '../helper.ts'

export const spellings = (name: string): string[] => [
  name, name.toUpperCase(), name[0]!.toUpperCase() + name.slice(1), ` ${name}`, `${name}\t`, `\n${name} `,
  // Full-width letters, which a normalising reader takes for the plain ones.
  [...name].map(char => /[a-z]/.test(char) ? String.fromCodePoint(char.codePointAt(0)! + 0xfee0) : char).join('')
]

/** Ways to come in. `writes` may write and is not the owner. */
export const ways: ReadonlyArray<{ name: string, auth: { [field: string]: unknown }, headers: { [name: string]: string } }> = [
  { name: 'token', auth: {}, headers: { authorization: `Bearer ${testToken}` } },
  { name: 'password', auth: { mode: 'password', token: undefined, password: 'correct horse battery' }, headers: { authorization: 'Bearer correct horse battery' } },
  { name: 'none', auth: { mode: 'none', token: undefined }, headers: {} },
  { name: 'none, writes', auth: { mode: 'none', token: undefined }, headers: { 'x-openclaw-scopes': 'operator.write' } },
  {
    name: 'trusted-proxy, writes',
    auth: { mode: 'trusted-proxy', token: undefined, trustedProxy: { userHeader: 'x-user', allowLoopback: true } },
    headers: { 'x-user': 'ann@example.com', 'x-forwarded-for': '203.0.113.5', 'x-openclaw-scopes': 'operator.write' }
  }
]
