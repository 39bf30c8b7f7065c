import t from 'tap'
import { ConnectErrorDetailCodes } from '@openclaw/gateway-protocol/connect-error-details'
import { errorTable, GatewayError, type ErrorCode } from '../../src/protocol/errors.ts'

const codes = Object.keys(errorTable) as ErrorCode[]

t.test('every refusal says what to do next and has an HTTP status', async t => {
  for (const code of codes) {
    const error = new GatewayError(code)
    t.match(error.details, { code, nextStep: /\S.{8,}/ }, code)
    t.ok(error.status >= 400 && error.status < 600, `${code}: ${error.status}`)
    t.match(error.toWire(), { code: /^[A-Z_]+$/, message: /\S/ })
  }
})

t.test('every connect error code of the published protocol that a gateway sends has a row', async t => {
  const elsewhere = new Set(['AUTHENTICATED_PROFILE_UNAVAILABLE', 'CONTROL_UI_BUILD_MISMATCH'])
  for (const code of Object.values(ConnectErrorDetailCodes)) {
    if (!elsewhere.has(code)) t.ok(Object.hasOwn(errorTable, code), code)
  }
})

t.test('a lockout always says that and when to try again', async t => {
  t.match(new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs: 1234.2 }).toWire(), { retryable: true, retryAfterMs: 1235 })
})

t.test('credential refusals carry the advice that clients act on', async t => {
  t.match(new GatewayError('AUTH_TOKEN_MISMATCH').toWire().details, {
    code: 'AUTH_TOKEN_MISMATCH', authReason: 'token_mismatch', canRetryWithDeviceToken: false, recommendedNextStep: 'update_auth_credentials'
  })
  t.match(new GatewayError('AUTH_TOKEN_MISMATCH', { recommended: 'retry_with_device_token' }).toWire().details, {
    canRetryWithDeviceToken: true, recommendedNextStep: 'retry_with_device_token'
  })
})
