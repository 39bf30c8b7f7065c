import t from 'tap'
import { isContainer, resolveBind, type BindTargets } from '../../src/lib/bind-address.ts'

const container = { KUBERNETES_SERVICE_HOST: '10.0.0.1' }
const resolve = (bind: string, more: { customBindHost?: string } = {}): BindTargets => {
  const targets = resolveBind({ bind, env: container, ...more })
  if (typeof targets === 'string') throw new Error(targets)
  return targets
}

t.test('loopback is IPv4, and IPv6 where there is one', async t => {
  t.same(resolve('loopback'), { bind: 'loopback', hosts: ['127.0.0.1'], optionalHosts: ['::1'], beyondLoopback: false })
})

t.test('lan is every IPv4 address, and auto is the same inside a container', async t => {
  for (const bind of ['lan', 'auto']) t.same(resolve(bind), { bind, hosts: ['0.0.0.0'], optionalHosts: [], beyondLoopback: true })
  t.ok(isContainer(container))
})

t.test('a loopback address is not beyond loopback, however it is written', async t => {
  for (const bind of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) t.match(resolve(bind), { hosts: [bind], beyondLoopback: false }, bind)
})

t.test('a specific address brings loopback along, and a wildcard has it already', async t => {
  t.match(resolve('192.0.2.7'), { hosts: ['192.0.2.7', '127.0.0.1'], beyondLoopback: true })
  t.match(resolve('2001:db8::7'), { hosts: ['2001:db8::7', '127.0.0.1'], beyondLoopback: true })
  for (const bind of ['0.0.0.0', '::']) t.same(resolve(bind).hosts, [bind])
})

t.test('custom needs its address', async t => {
  t.match(resolve('custom', { customBindHost: '192.0.2.7' }), { hosts: ['192.0.2.7', '127.0.0.1'], beyondLoopback: true })
  t.match(resolve('custom', { customBindHost: '127.0.0.2' }), { hosts: ['127.0.0.2'], beyondLoopback: false })
  t.equal(resolveBind({ bind: 'custom', env: {} }), 'gateway.bind=custom requires gateway.customBindHost')
})
