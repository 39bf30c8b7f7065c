/** Which URLs may be called: spellings, names, answers of a name server. Nothing here connects to anything. */
import t from 'tap'
import type { OutboundError } from '../../../src/lib/outbound/outbound-error.ts'
import { parseTarget, resolveTarget, type OutboundRules } from '../../../src/lib/outbound/target.ts'

const problemOf = async (url: string, rules: OutboundRules = {}, answers: readonly string[] = ['93.184.216.34']): Promise<string> => {
  try {
    await resolveTarget(parseTarget(url), rules, async () => answers)
    return 'none'
  } catch (error) {
    return (error as OutboundError).problem
  }
}

t.test('only plain web addresses are URLs here', async t => {
  for (const url of ['file:///etc/passwd', 'ftp://a.test/', 'gopher://a.test/', 'data:text/html,x', 'javascript:1', 'a.test/x', '//a.test', '',
    'http://', 'http://user@a.test/', 'http://user:password@a.test/', 'http://a.test:99999/', 'http://[fe80::1%25eth0]/', 'http://a b/',
    `http://a.test/${'x'.repeat(9000)}`]) {
    t.equal(await problemOf(url), 'url', url.slice(0, 60))
  }
  t.equal(await problemOf('HTTPS://Example.COM./page#part'), 'none')
})

t.test('ports of mail, chat and shell servers are refused', async t => {
  for (const port of [22, 25, 110, 6379, 6667, 10080]) t.equal(await problemOf(`http://a.test:${port}/`), 'port', String(port))
  for (const port of [80, 443, 8080, 3000]) t.equal(await problemOf(`http://a.test:${port}/`), 'none', String(port))
})

t.test('every spelling of this machine is this machine', async t => {
  for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '127.0.0.1.', '[::1]',
    '[::ffff:127.0.0.1]', '[0:0:0:0:0:ffff:7f00:1]', '[64:ff9b::7f00:1]', '[::127.0.0.1]', '[2002:7f00:1::]', '127.0.0.1', '①②⑦.⓪.⓪.①',
    'localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'localhost..', '0', '0.0.0.0', '[::]', '%6cocalhost', '127%2e0%2e0%2e1']) {
    t.equal(await problemOf(`http://${host}/`), 'address', host)
  }
})

t.test('one closed answer among open ones closes the name', async t => {
  for (const closed of ['10.0.0.1', '127.0.0.1', '169.254.169.254', '::1', 'fe80::1', '::ffff:192.168.0.1', '64:ff9b::a00:1', 'nonsense']) {
    t.equal(await problemOf('http://a.test/', {}, ['93.184.216.34', closed]), 'address', closed)
    t.equal(await problemOf('http://a.test/', {}, [closed, '2606:4700::1111']), 'address', closed)
  }
  t.equal(await problemOf('http://a.test/', {}, ['93.184.216.34', '2606:4700::1111']), 'none')
})

t.test('a name without addresses, with an error or with a flood of them is refused', async t => {
  t.equal(await problemOf('http://a.test/', {}, []), 'dns')
  t.equal(await problemOf('http://a.test/', {}, Array.from({ length: 65 }, (_, index) => `93.184.216.${index}`)), 'dns')
  const failing = resolveTarget(parseTarget('http://a.test/'), {}, async () => { throw new Error('SERVFAIL') })
  await t.rejects(failing, { problem: 'dns', message: /a\.test cannot be resolved/ })
})

t.test('own networks open one by one, or for one host', async t => {
  t.equal(await problemOf('http://192.168.0.9/', { networks: ['private'] }), 'none')
  t.equal(await problemOf('http://127.0.0.1/', { networks: ['private'] }), 'address')
  t.equal(await problemOf('http://wiki.home/', { ownHosts: ['Wiki.Home.'] }, ['192.168.0.9', 'fd00::9']), 'none')
  t.equal(await problemOf('http://other.home/', { ownHosts: ['wiki.home'] }, ['192.168.0.9']), 'address')
  t.equal(await problemOf('http://a.wiki.home/', { ownHosts: ['wiki.home'] }, ['192.168.0.9']), 'address')
})

t.test('metadata services stay closed whatever is opened', async t => {
  const open: OutboundRules = { networks: ['loopback', 'private', 'shared', 'benchmark', 'unique-local'], ownHosts: ['metadata.test', '169.254.169.254'] }
  for (const address of ['169.254.169.254', '100.100.100.200', 'fd00:ec2::254', '0.0.0.0', '255.255.255.255']) {
    t.equal(await problemOf('http://metadata.test/', open, [address]), 'address', address)
  }
  t.equal(await problemOf('http://169.254.169.254/latest/', open), 'address')
})

t.test('a blocked host is blocked before anybody is asked about it', async t => {
  const rules = { blockedHosts: ['tracker.test', '*.ads.test'], ownHosts: ['tracker.test'] }
  for (const host of ['tracker.test', 'TRACKER.test.', 'a.ads.test', 'b.a.ads.test']) {
    const asked = resolveTarget(parseTarget(`http://${host}/`), rules, async () => t.fail('asked') as never)
    await t.rejects(asked, { problem: 'host', message: /blocked/ }, host)
  }
  t.equal(await problemOf('http://ads.test/', rules), 'none')
  t.equal(await problemOf('http://badads.test/', rules), 'none')
})

t.test('a refusal names the setting that opens an own network, and none for what never opens', async t => {
  const ask = async (address: string): Promise<void> => {
    await resolveTarget(parseTarget('http://a.test/'), { setting: 'some.setting' }, async () => [address])
  }
  await t.rejects(ask('10.0.0.1'), { message: /a private network.*some\.setting/ })
  await t.rejects(ask('169.254.169.254'), { message: /^(?!.*some\.setting).*metadata service/ })
})
