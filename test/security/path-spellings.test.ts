import t from 'tap'
import { startGateway } from '../helper.ts'
import { rawAnswer, routesOf } from './attacker.ts'

t.test('CVE-2026-32031, CVE-2026-32004: no spelling of any path opens it to somebody without a credential', async t => {
  const gateway = await startGateway(t)
  const open = /^\/(?:health|healthz|ready|readyz|startup|startupz|control-ui-config\.json|api\/device\/nonce)?$/
  const routes = [...new Set(routesOf(gateway).map(({ path }) => path.replace(/:\w+/g, 'main').replace('*', 'x')))].filter(path => !open.test(path))
  t.ok(routes.includes('/tools/invoke') && routes.length > 8)
  const spellings = (path: string): string[] => [
    path, path.toUpperCase(), `/${path}`, path.replace(/\/(?=[^/]*$)/, '//'), `${path}/`, `${path}.`, path.replace(/\/(?=[^/]*$)/, '%2f'), path.replace(/\/(?=[^/]*$)/, '%252f'),
    `${path}/..;/`, `/health/..${path}`, `/health/%2e%2e${path}`, `/health;${path}`, `${path}%00`, `/x/../${path}`, `${path}\\..\\`
  ]
  for (const path of routes) {
    const asked = spellings(path).flatMap(spelling => ['GET', 'POST'].map(async method => {
      const body = method === 'POST' ? '{"tool":"session_status","message":"x"}' : ''
      const head = `${method} ${spelling} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
      return { what: `${method} ${spelling}`, status: Number((await rawAnswer(gateway.port, head + body)).slice(9, 12)) }
    }))
    t.same((await Promise.all(asked)).filter(({ status }) => !(status >= 400 && status < 500)), [], path)
  }
})
