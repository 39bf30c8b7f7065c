import t from 'tap'
import { BlockList } from 'node:net'
import {
  addressGroup, createCidrMatcher, isIpLiteral, isLoopbackAddress, isLoopbackHostname, isPrivateAddress, normalizeAddress, parseHostHeader
} from '../../src/lib/net-address.ts'

t.test('every spelling of an address becomes the same one', async t => {
  const spellings: { [canonical: string]: string[] } = {
    '203.0.113.7': ['203.0.113.7', ' 203.0.113.7 ', '203.0.113.7:4711', '::ffff:203.0.113.7', '::FFFF:CB00:7107', '[::ffff:203.0.113.7]:80',
      '0:0:0:0:0:ffff:203.0.113.7'],
    '2001:db8::1': ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '[2001:db8::1]', '[2001:db8::1]:443',
      '2001:0db8::0001'],
    'fe80::1': ['fe80::1%eth0', '[fe80::1%25en0]:80', 'FE80::1'],
    '::': ['::', '0::0', '0:0:0:0:0:0:0:0'],
    '1:0:0:2::3': ['1:0:0:2:0:0:0:3', '1::2:0:0:0:3'],
    '1:2:3:4:5:6:7:0': ['1:2:3:4:5:6:7::'],
    '::1.2.3.4': []
  }
  for (const [canonical, list] of Object.entries(spellings)) {
    for (const spelling of list) t.equal(normalizeAddress(spelling), canonical, spelling)
  }
  t.equal(normalizeAddress('::1.2.3.4'), '::102:304', 'an IPv4-compatible address is not the IPv4 address')
})

t.test('what is not plainly an address is none', async t => {
  const wrong = [undefined, '', ' ', 'localhost', '127.evil.com', '127.0.0.1.evil.com', '127.1', '2130706433', '0x7f000001', '0x7f.0.0.1', '0177.0.0.1',
    '127.0.0.01', '256.0.0.1', '1.2.3', '1.2.3.4.5', '1.2.3.4:', '1.2.3.4:99999', '1.2.3.4%eth0', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9',
    '12345::', '::g', '[::1', '::1]', '[127.0.0.1', '::ffff:127.1', '::ffff:1.2.3.256', 'fe80::1%', '[]', '1.2.3.4,5.6.7.8', '١٢٧.0.0.1', 'a'.repeat(10_000)]
  for (const text of wrong) t.equal(normalizeAddress(text), undefined, String(text).slice(0, 40))
})

t.test('random IPv6 addresses survive the round through the canonical form and equal what the system writes', async t => {
  let state = 12_345
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 8
  const mismatches: string[] = []
  for (let round = 0; round < 500; round++) {
    const groups = Array.from({ length: 8 }, () => next() % 3 === 0 ? next() & 0xffff : 0)
    if (groups.slice(0, 5).every(group => group === 0)) groups[0] = 0x2001
    const written = groups.map(group => group.toString(16)).join(':')
    const expected = new URL(`http://[${written}]`).hostname.slice(1, -1)
    if (normalizeAddress(written) !== expected || normalizeAddress(expected) !== expected) mismatches.push(written)
  }
  t.same(mismatches, [])
})

t.test('loopback is a matter of numbers, not of names that begin like it', async t => {
  for (const address of ['127.0.0.1', '127.255.255.254', '::1', '[::1]:80', '::ffff:127.0.0.1', '::ffff:7f00:1', '127.0.0.1:9']) {
    t.equal(isLoopbackAddress(address), true, address)
  }
  for (const address of ['127.evil.com', '127.0.0.1.nip.io', '0.0.0.0', '::', '128.0.0.1', '126.255.255.255', '::2', '::127.0.0.1',
    '0177.0.0.1', '2130706433', '', undefined]) {
    t.equal(isLoopbackAddress(address), false, String(address))
  }
})

t.test('private networks end where the registries say', async t => {
  const inside = ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '100.127.255.255',
    'fc00::1', 'fdff::1', 'fe80::1', 'febf::1', '::ffff:10.1.2.3']
  const outside = ['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '169.253.255.255', '100.63.255.255',
    '100.128.0.0', 'fbff::1', 'fe00::1', 'fec0::1', '2001:db8::1', '127.0.0.1', '::1', '10.evil.com', '']
  for (const address of inside) t.equal(isPrivateAddress(address), true, address)
  for (const address of outside) t.equal(isPrivateAddress(address), false, address)
})

t.test('an IPv6 sender counts by its /64, an IPv4 sender by its address in whatever form it comes', async t => {
  t.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(addressGroup('2001:db8:1:2:ffff::1'), addressGroup('2001:db8:1:2::9'))
  t.not(addressGroup('2001:db8:1:3::1'), addressGroup('2001:db8:1:2::1'))
  t.equal(addressGroup('::ffff:203.0.113.7'), '203.0.113.7')
  t.not(addressGroup('203.0.113.7'), addressGroup('203.0.113.8'))
  t.equal(addressGroup('nonsense'), 'unknown')
  t.equal(addressGroup(undefined), 'unknown')
})

t.test('ranges hold what they say, mapped ones what their IPv4 form says', async t => {
  const isListed = createCidrMatcher(['10.0.0.0/8', '192.0.2.7', '::ffff:172.16.0.0/108', '2001:db8:aa00::/39', '2001:db8::7', '::ffff:198.51.100.1'])
  for (const address of ['10.200.3.4', '::ffff:10.0.0.1', '192.0.2.7', '192.0.2.7:80', '172.16.9.9', '172.31.255.255', '2001:db8:abff::1', '2001:db8::7', '198.51.100.1']) {
    t.equal(isListed(address), true, address)
  }
  for (const address of ['11.0.0.1', '192.0.2.8', '172.32.0.1', '2001:db8:ac00::1', '2001:db8::8', '::10.0.0.1', 'unknown', '', undefined]) {
    t.equal(isListed(address), false, String(address))
  }
  t.equal(createCidrMatcher(['0.0.0.0/0'])('255.1.2.3'), true)
  t.equal(createCidrMatcher(['0.0.0.0/0'])('2001:db8::1'), false)
  t.equal(createCidrMatcher(['::/0'])('2001:db8::1'), true)
  t.equal(createCidrMatcher(['::/0'])('203.0.113.7'), false, 'IPv4 has to be named as IPv4')
  t.equal(createCidrMatcher([])('10.0.0.1'), false)
})

t.test('the matcher agrees with the block list of node on random ranges', async t => {
  let state = 99
  const next = (): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 7
  const octets = (): string => `${next() & 255}.${next() & 255}.${next() & 255}.${next() & 255}`
  const groups = (): string => Array.from({ length: 8 }, () => (next() & 0xffff).toString(16)).join(':')
  const mismatches: string[] = []
  let inside = 0
  for (let round = 0; round < 800; round++) {
    const family = round % 2 ? 'ipv4' : 'ipv6'
    const base = family === 'ipv4' ? octets() : groups()
    const bits = next() % (family === 'ipv4' ? 33 : 129)
    const near = base.replace(/[^.:]+$/, String(next() & 255))
    const list = new BlockList()
    list.addSubnet(base, bits, family)
    const expected = list.check(near, family)
    if (expected) inside++
    if (createCidrMatcher([`${base}/${bits}`])(near) !== expected) mismatches.push(`${near} in ${base}/${bits}`)
  }
  t.same(mismatches, [])
  t.ok(inside > 100 && inside < 790, `${inside} of 800 lie inside`)
})

t.test('an entry that is neither address nor range is refused by name', async t => {
  for (const entry of ['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/', 'proxy.internal', '', '10.0.0.1:80', '[::1]', '::/129', '10.0.0.0/8/8', '::ffff:0:0/90', '127.1']) {
    t.throws(() => createCidrMatcher(['10.0.0.1', entry]), { message: `"${entry}" is neither an IP address nor a CIDR range` }, entry)
  }
})

t.test('a Host header gives a name and perhaps a port, or nothing', async t => {
  t.same(parseHostHeader('Example.COM:8080'), { hostname: 'example.com', port: 8080 })
  t.same(parseHostHeader('localhost'), { hostname: 'localhost' })
  t.same(parseHostHeader('localhost.:80'), { hostname: 'localhost', port: 80 })
  t.same(parseHostHeader('[::1]:18789'), { hostname: '::1', port: 18_789 })
  t.same(parseHostHeader('[0:0:0:0:0:0:0:1]'), { hostname: '::1' })
  t.same(parseHostHeader('[::ffff:127.0.0.1]:1'), { hostname: '127.0.0.1', port: 1 })
  t.same(parseHostHeader('my_box-1.lan'), { hostname: 'my_box-1.lan' })
  const wrong = [undefined, '', ':80', '::1', '[::1', '[127.0.0.1]', 'a b', 'user@host', 'host/path', 'host:0', 'host:65536', 'host:', 'host:80:80', 'a..b', '.a',
    '127.1', '2130706433', '0x7f.1', '0x7f000001', '0177.0.0.1', '127.0.0.0x1', 'evil.127', '[fe80::1%eth0]', `${'a'.repeat(300)}.com`]
  for (const host of wrong) t.equal(parseHostHeader(host), undefined, String(host).slice(0, 30))
})

t.test('only names that lead to this machine everywhere are loopback names', async t => {
  for (const name of ['localhost', 'LOCALHOST', 'localhost.', 'ui.localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]']) t.equal(isLoopbackHostname(name), true, name)
  for (const name of ['localhost.evil.com', 'notlocalhost', '127.evil.com', '127.0.0.1.nip.io', '0.0.0.0', 'localhost:80', '127.0.0.1:80', '127.1', '']) {
    t.equal(isLoopbackHostname(name), false, name)
  }
})

t.test('an address literal is an address and nothing around it', async t => {
  for (const text of ['10.0.0.1', '::1', '[::1]', '2001:db8::1']) t.equal(isIpLiteral(text), true, text)
  for (const text of ['10.0.0.1:80', '[::1]:80', 'example.com', '127.1', '']) t.equal(isIpLiteral(text), false, text)
})
