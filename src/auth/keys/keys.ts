/** The API keys of the gateway. Reads are from memory; a change is durable before anybody is told. Loaded with the first use of one. */
import { randomBytes } from 'node:crypto'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import { closeCodes } from '../../protocol/close-codes.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { StoreOp } from '../../store/store.ts'
import type { Caller } from '../caller.ts'
import { hashToken } from '../secret.ts'
import { createAccounts } from './accounts.ts'
import { ActiveKey, type Ledger } from './active-key.ts'
import { principalOfKey } from './caller-key.ts'
import { nameOf, rulesOf } from './orders.ts'
import { storedKey, type KeyRecord, type KeyUsage } from './record.ts'
import type { IssuedKey, Keys, KeysOptions, KeySummary } from './room.ts'
import { hintOf, newApiKey } from './secret-form.ts'

/** Keys that open something; of others so many are remembered, the last ones. */
const maxKeys = 1_000
const maxEnded = 1_000
/** A timer cannot wait longer. */
const longestWaitMs = 2 ** 31 - 1

const put = (record: KeyRecord): StoreOp => ({ op: 'put', collection: 'api-keys', key: record.id, value: record })

export async function createKeys ({ store, now, disconnect, notice = () => {} }: KeysOptions): Promise<Keys> {
  const keys = new Map<string, ActiveKey>()
  /** The secret before the last rotation is here, too, so that whoever comes with it hears what became of it. */
  const byHash = new Map<string, ActiveKey>()
  const accounts = createAccounts(now)
  const ledger: Ledger = {
    check: accounts.check,
    book (id, used) {
      accounts.book(id, used, 0)
      save(id)
    }
  }
  const oneAtATime = createOneAtATime()
  let timer: NodeJS.Timeout | undefined
  const unsaved = new Set<string>()
  let saving: Promise<void> | undefined

  function index (key: ActiveKey): void {
    keys.set(key.id, key)
    byHash.set(key.record.tokenHash, key)
    if (key.record.previous) byHash.set(key.record.previous.tokenHash, key)
  }

  for (const { key, value } of await store.collection<unknown>('api-keys').all()) {
    const record = storedKey(key, value)
    if (record) index(new ActiveKey(record, now, ledger))
    else notice(`the stored record api-keys/${key} is not understood; it opens nothing and stays where it is`)
  }
  for (const { key, value } of await store.collection<KeyUsage>('api-key-usage').all()) {
    accounts.load(value)
    const known = keys.get(key)
    if (known) known.lastUsedAtMs = value.lastUsedAtMs ?? 0
  }

  const statusOf = (key: ActiveKey): KeySummary['status'] =>
    key.record.revokedAtMs !== undefined ? 'revoked' : key.isInForce() ? 'active' : 'expired'

  function summaryOf (key: ActiveKey): KeySummary {
    const { tokenHash: _tokenHash, previous, ...record } = key.record
    const { day, tokens, costUsd, runs } = accounts.today(key.id)
    return {
      ...record,
      status: statusOf(key),
      ...(key.lastUsedAtMs > 0 ? { lastUsedAtMs: key.lastUsedAtMs } : {}),
      ...(previous && previous.untilMs > now() ? { previousUntilMs: previous.untilMs } : {}),
      today: { day, tokens, costUsd, runs, runsUnderWay: key.runs }
    }
  }

  function named (name: string): ActiveKey {
    const found = keys.get(name) ?? [...keys.values()]
      .filter(key => key.name === name)
      .sort((a, b) => Number(b.isInForce()) - Number(a.isInForce()) || b.record.createdAtMs - a.record.createdAtMs)[0]
    if (!found) throw new GatewayError('KEY_UNKNOWN', { message: `there is no API key "${name.slice(0, 64)}"` })
    return found
  }

  // Ends that come by themselves

  /** The next moment at which a key, or the secret before a rotation, is over. */
  function nextEndMs (): number | undefined {
    let next: number | undefined
    for (const { record: { revokedAtMs, expiresAtMs, previous } } of keys.values()) {
      if (revokedAtMs !== undefined) continue
      for (const at of [expiresAtMs, previous?.untilMs]) if (at !== undefined && at > now() && (next === undefined || at < next)) next = at
    }
    return next
  }

  /** Ends what is over, also when a change came before the timer did, and waits for the next end. */
  function watch (): void {
    clearTimeout(timer)
    for (const key of keys.values()) {
      const { expiresAtMs, previous } = key.record
      if (expiresAtMs !== undefined && expiresAtMs <= now()) closeOnce(key, key.record.tokenHash, undefined, 'API key expired')
      else if (previous && previous.untilMs <= now()) closeOnce(key, previous.tokenHash, previous.tokenHash, 'API key rotated')
    }
    const next = nextEndMs()
    timer = next === undefined ? undefined : setTimeout(watch, Math.min(next - now(), longestWaitMs)).unref()
  }

  function closeOnce (key: ActiveKey, over: string, tokenHash: string | undefined, reason: string): void {
    if (key.over === over) return
    key.over = over
    close(key, tokenHash, reason)
  }

  function close (key: ActiveKey, tokenHash: string | undefined, reason: string): void {
    const isTheirs = (caller: Pick<Caller, 'key' | 'tokenHash'>): boolean =>
      caller.key?.id === key.id && (tokenHash === undefined || caller.tokenHash === tokenHash)
    disconnect(isTheirs, closeCodes.clientInvalidated, reason)
    key.end(tokenHash)
  }

  // Changes

  /** Room for one more; the ones that ended first are forgotten first. */
  function forgotten (): ActiveKey[] {
    const ended = [...keys.values()].filter(key => !key.isInForce())
    if (keys.size - ended.length >= maxKeys) throw new GatewayError('KEYS_FULL', { message: `there are ${maxKeys} API keys already` })
    const endOf = ({ record }: ActiveKey): number => record.revokedAtMs ?? record.expiresAtMs ?? 0
    return ended.sort((a, b) => endOf(a) - endOf(b)).slice(0, Math.max(0, ended.length - maxEnded + 1))
  }

  function drop (key: ActiveKey): void {
    keys.delete(key.id)
    accounts.forget(key.id)
    for (const [hash, holder] of byHash) if (holder === key) byHash.delete(hash)
  }

  async function change (key: ActiveKey, record: KeyRecord): Promise<void> {
    await store.commit([put(record)])
    key.follow(record)
    index(key)
    watch()
  }

  const keyRecord = (order: Parameters<Keys['create']>[0], secret: string, createdBy: string): KeyRecord => ({
    id: `k${randomBytes(8).toString('hex')}`,
    name: nameOf(order.name),
    tokenHash: hashToken(secret),
    hint: hintOf(secret),
    ...rulesOf(order),
    createdAtMs: now(),
    createdBy,
    ...(order.expiresAtMs === undefined ? {} : { expiresAtMs: order.expiresAtMs })
  })

  async function create (order: Parameters<Keys['create']>[0], by: string): Promise<IssuedKey> {
    const secret = newApiKey()
    const record = keyRecord(order, secret, by)
    if (record.expiresAtMs !== undefined && record.expiresAtMs <= now()) throw new GatewayError('INVALID_PARAMS', { message: 'the key would have expired already' })
    if ([...keys.values()].some(key => key.name === record.name && key.isInForce())) {
      throw new GatewayError('KEY_EXISTS', { message: `there is an API key "${record.name}" already` })
    }
    const leaving = forgotten()
    const gone = leaving.flatMap(({ id }): StoreOp[] => [
      { op: 'delete', collection: 'api-keys', key: id }, { op: 'delete', collection: 'api-key-usage', key: id }
    ])
    await store.commit([...gone, put(record)])
    for (const key of leaving) drop(key)
    const key = new ActiveKey(record, now, ledger)
    index(key)
    watch()
    return { key: summaryOf(key), secret }
  }

  function inForce (name: string): ActiveKey {
    const key = named(name)
    if (!key.isInForce()) throw new GatewayError('KEY_UNKNOWN', { message: `API key "${key.name}" was revoked or has expired` })
    return key
  }

  async function rotate (name: string, graceMs: number): Promise<IssuedKey> {
    const key = inForce(name)
    const { previous: older, ...record } = key.record
    const secret = newApiKey()
    const untilMs = now() + graceMs
    await change(key, {
      ...record,
      tokenHash: hashToken(secret),
      hint: hintOf(secret),
      rotatedAtMs: now(),
      previous: { tokenHash: record.tokenHash, untilMs }
    })
    if (older) {
      byHash.delete(older.tokenHash)
      close(key, older.tokenHash, 'API key rotated')
    }
    return { key: summaryOf(key), secret }
  }

  async function revoke (name: string): Promise<KeySummary> {
    const key = named(name)
    if (key.record.revokedAtMs === undefined) {
      await change(key, { ...key.record, revokedAtMs: now() })
      close(key, undefined, 'API key revoked')
    }
    return summaryOf(key)
  }

  /** Why this secret of a key opens nothing any more. */
  function refusalOf (key: ActiveKey, tokenHash: string): GatewayError | undefined {
    const { revokedAtMs, previous, tokenHash: current } = key.record
    if (revokedAtMs !== undefined) return new GatewayError('AUTH_KEY_REVOKED')
    if (!key.isInForce()) return new GatewayError('AUTH_KEY_EXPIRED')
    const isGood = tokenHash === current || (tokenHash === previous?.tokenHash && now() < previous.untilMs)
    return isGood ? undefined : new GatewayError('AUTH_KEY_REVOKED', { message: 'unauthorized: this API key was rotated' })
  }

  /** What is used while this is written goes with the next time. */
  function save (keyId: string): void {
    unsaved.add(keyId)
    saving ??= saveAll().finally(() => { saving = undefined })
  }

  async function saveAll (): Promise<void> {
    while (unsaved.size > 0) {
      const ops = [...unsaved].map(id => keys.get(id)).filter(key => key !== undefined).map(accounts.op)
      unsaved.clear()
      await store.commit(ops).catch((err: unknown) => notice(`what API keys have used could not be stored: ${String(err)}`))
    }
  }

  watch()

  return {
    prove (tokenHash, address) {
      const key = byHash.get(tokenHash)
      if (!key) throw new GatewayError('AUTH_KEY_UNKNOWN')
      const refusal = refusalOf(key, tokenHash)
      if (refusal) throw refusal
      if (!key.mayComeFrom(address)) throw new GatewayError('KEY_NOT_ALLOWED', { message: `API key "${key.name}" may not be used from ${address}` })
      return {
        principal: principalOfKey(key.id),
        key,
        scopes: key.record.scopes,
        tokenHash,
        isInForce: () => refusalOf(key, tokenHash) === undefined
      }
    },
    list: () => [...keys.values()].sort((a, b) => b.record.createdAtMs - a.record.createdAtMs).map(summaryOf),
    get: name => summaryOf(named(name)),
    create: (order, by) => oneAtATime(() => create(order, by)),
    rotate: (name, graceMs) => oneAtATime(() => rotate(name, graceMs)),
    revoke: name => oneAtATime(() => revoke(name)),
    beginRun (keyId, { counts }) {
      const key = keys.get(keyId)
      if (!key) return () => {}
      accounts.check(key)
      if (!counts) return () => {}
      const { concurrentRuns } = key.record.limits
      if (concurrentRuns !== undefined && key.runs >= concurrentRuns) {
        throw new GatewayError('KEY_RUNS_EXCEEDED', {
          message: `API key "${key.name}" may have ${concurrentRuns} runs under way at a time`, details: { limit: concurrentRuns }
        })
      }
      key.runs++
      let isOver = false
      return () => {
        if (!isOver) key.runs--
        isOver = true
      }
    },
    book (keyId, usage) {
      const key = keys.get(keyId)
      if (!key) return () => []
      accounts.book(keyId, usage, 1)
      return () => [accounts.op(key)]
    },
    save,
    async close () {
      clearTimeout(timer)
      await saving
      const used = [...keys.values()].filter(key => key.lastUsedAtMs > 0)
      if (used.length > 0) await store.commit(used.map(accounts.op)).catch(() => {})
    }
  }
}
