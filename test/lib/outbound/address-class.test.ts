import t from 'tap'
import { classifyAddress } from '../../../src/lib/outbound/address-class.ts'

const of = (kind: string, addresses: string): void => {
  for (const address of addresses.split(' ')) t.equal(classifyAddress(address), kind, address)
}

t.test('addresses of the internet are public', async () => {
  of('public', '1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 172.15.255.255')
  of('public', '172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450::1 2001:200::1')
})

t.test('own networks are told apart', async () => {
  of('loopback', '127.0.0.1 127.255.255.254 ::1')
  of('private', '10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1')
  of('shared', '100.64.0.1 100.127.255.255')
  of('benchmark', '198.18.0.1 198.19.255.255')
  of('unique-local', 'fc00::1 fdff:ffff::1')
  of('link-local', '169.254.0.1 169.254.255.255 fe80::1 febf::1')
})

t.test('the metadata services of clouds have a class of their own, wherever they lie', async () => {
  of('metadata', '169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fd20:ce::254')
  of('metadata', '::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe')
})

t.test('what belongs to no server is never public', async () => {
  of('special', '0.0.0.0 0.255.255.255 192.0.2.1 192.88.99.1 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255')
  of('special', ':: ff02::1 2001:db8::1 3fff::1 100::1 fec0::1 4000::1 e000::1')
})

t.test('IPv4 inside IPv6 is judged as what it leads to, or not let through at all', async () => {
  of('loopback', '::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::127.0.0.1 64:ff9b::7f00:1')
  of('private', '::ffff:10.0.0.1 64:ff9b::c0a8:101')
  of('public', '::ffff:1.1.1.1 64:ff9b::101:101')
  // IPv4-compatible, 6to4, Teredo, NAT64 of the own network, IPv4-translated.
  of('special', '::127.0.0.1 ::7f00:1 2002:7f00:1::1 2002:101:101::1 2001:0:101:101::1 64:ff9b:1::7f00:1 ::ffff:0:7f00:1')
})

t.test('what is no plain address is never public', async () => {
  for (const text of ['', '0177.0.0.1', '127.1', '2130706433', '0x7f000001', 'fe80::1%eth0', '1.1.1.1 ', 'localhost', '1.1.1', '::1::', '[::1]']) {
    t.not(classifyAddress(text), 'public', text)
  }
})
