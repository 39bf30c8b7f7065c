import t from 'tap'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDeviceTokens } from '../../src/cli/device-tokens.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const entry = { token: 'secret-token', role: 'operator', scopes: ['operator.read'], deviceId: 'd1', issuedAtMs: 1 }
const url = 'ws://127.0.0.1:18789'

t.test('a token is found again by gateway, role and device, whatever the path of the address', async t => {
  const file = join(ownDirectory(t, {}), 'identity', 'device-auth.json')
  const tokens = createDeviceTokens(file)
  await tokens.put(`${url}/some/path`, entry)
  t.same(await tokens.get(url, 'operator', 'd1'), entry)
  t.equal(await tokens.get(url, 'node', 'd1'), undefined)
  t.equal(await tokens.get('ws://127.0.0.1:18790', 'operator', 'd1'), undefined)
  t.equal(await tokens.get('wss://127.0.0.1:18789', 'operator', 'd1'), undefined, 'without TLS it may be another gateway')
  t.equal(await tokens.get(url, 'operator', 'd2'), undefined, 'the token of another identity is of no use')
  t.equal((statSync(file).mode & 0o777).toString(8), '600')
})

t.test('a token that is the same is not written again', async t => {
  const file = join(ownDirectory(t, {}), 'device-auth.json')
  const tokens = createDeviceTokens(file)
  await tokens.put(url, entry)
  const { ino } = statSync(file)
  await tokens.put(url, { ...entry, issuedAtMs: 99 })
  t.equal(statSync(file).ino, ino)
  await tokens.put(url, { ...entry, scopes: ['operator.admin'] })
  t.not(statSync(file).ino, ino)
})

t.test('a removed token is gone, and removing nothing writes nothing', async t => {
  const directory = ownDirectory(t, {})
  const tokens = createDeviceTokens(join(directory, 'device-auth.json'))
  await tokens.remove(url, 'operator')
  t.same(readdirSync(directory), [])
  await tokens.put(url, entry)
  await tokens.remove(url, 'operator')
  t.equal(await tokens.get(url, 'operator', 'd1'), undefined)
})

t.test('the number of gateways that are remembered is bounded, the oldest tokens go first', async t => {
  const file = join(ownDirectory(t, {}), 'device-auth.json')
  const tokens = createDeviceTokens(file)
  for (let port = 1; port <= 70; port++) await tokens.put(`ws://127.0.0.1:${port}`, { ...entry, issuedAtMs: port })
  t.equal(Object.keys(JSON.parse(readFileSync(file, 'utf8')).tokens).length, 64)
  t.equal(await tokens.get('ws://127.0.0.1:6', 'operator', 'd1'), undefined)
  t.match(await tokens.get('ws://127.0.0.1:7', 'operator', 'd1'), { issuedAtMs: 7 })
})

for (const text of ['', '{"version":1,"tok', '[]', 'null', '{"tokens":7}']) {
  t.test(`a file that holds ${JSON.stringify(text)} is set aside and not overwritten`, async t => {
    const directory = ownDirectory(t, { 'device-auth.json': text })
    const tokens = createDeviceTokens(join(directory, 'device-auth.json'))
    t.equal(await tokens.get(url, 'operator', 'd1'), undefined)
    await tokens.put(url, entry)
    const [aside] = readdirSync(directory).filter(name => name.includes('unreadable'))
    t.equal(readFileSync(join(directory, aside!), 'utf8'), text)
    t.same(await tokens.get(url, 'operator', 'd1'), entry)
  })
}

t.test('a name of the object prototype is no gateway', async t => {
  const file = join(ownDirectory(t, {}), 'device-auth.json')
  writeFileSync(file, '{"version":1,"tokens":{}}')
  t.equal(await createDeviceTokens(file).get('ws://x', 'toString', 'd1'), undefined)
})
