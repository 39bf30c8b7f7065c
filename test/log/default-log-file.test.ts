import t from 'tap'
import { chmodSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultLogFile } from '../../src/log/default-log-file.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const uid = process.getuid?.() ?? -1
const now = (): number => new Date(2026, 10, 20, 12).getTime()
const options = { skip: uid < 0 ? 'users have no numbers here' : false }

t.test('the usual place is a private directory that is made at once', options, async t => {
  const tmpdir = ownDirectory(t)
  t.equal(defaultLogFile({ now, tmpdir, uid }), join(tmpdir, 'openclaw', 'openclaw-2026-11-20.log'))
  t.equal(statSync(join(tmpdir, 'openclaw')).mode & 0o777, 0o700)
  t.equal(defaultLogFile({ now, tmpdir, uid }), join(tmpdir, 'openclaw', 'openclaw-2026-11-20.log'), 'and is found again')
})

t.test('every profile has a name of its own, written as existing tools expect it', options, async t => {
  const tmpdir = ownDirectory(t)
  const nameOf = (profile: string): string => defaultLogFile({ profile, now, tmpdir, uid })!.split('/').at(-1)!
  t.equal(nameOf('dev'), 'openclaw-dev-2026-11-20.log')
  t.equal(nameOf('default'), 'openclaw-2026-11-20.log')
  t.equal(nameOf(' '), 'openclaw-2026-11-20.log')
  t.equal(nameOf('My-work_2'), 'openclaw--1my--work-02-2026-11-20.log')
  t.equal(nameOf('a/../b'), 'openclaw-a-22f--22e--22e--22f-b-2026-11-20.log')
  t.match(nameOf('x'.repeat(300)), /^openclaw--3[0-9a-f]{64}-2026-11-20\.log$/)
})

t.test('a directory that others can write to or that leads elsewhere is not used', options, async t => {
  const expected = (tmpdir: string): string => join(tmpdir, `openclaw-${uid}`, 'openclaw-2026-11-20.log')
  const writable = ownDirectory(t, { a: {}, b: {}, c: {}, elsewhere: {} })
  mkdirSync(join(writable, 'a', 'openclaw'))
  chmodSync(join(writable, 'a', 'openclaw'), 0o777)
  t.equal(defaultLogFile({ now, tmpdir: join(writable, 'a'), uid }), expected(join(writable, 'a')))
  t.equal(statSync(join(writable, 'a', `openclaw-${uid}`)).mode & 0o777, 0o700)

  symlinkSync(join(writable, 'elsewhere'), join(writable, 'b', 'openclaw'))
  t.equal(defaultLogFile({ now, tmpdir: join(writable, 'b'), uid }), expected(join(writable, 'b')))

  writeFileSync(join(writable, 'c', 'openclaw'), '')
  t.equal(defaultLogFile({ now, tmpdir: join(writable, 'c'), uid }), expected(join(writable, 'c')))
  t.equal(lstatSync(join(writable, 'c', 'openclaw')).isFile(), true, 'and is left as it was')
})

t.test('a directory of another user is not used, and where nothing can be trusted there is no file', options, async t => {
  const tmpdir = ownDirectory(t)
  mkdirSync(join(tmpdir, 'openclaw'), { mode: 0o700 })
  t.equal(defaultLogFile({ now, tmpdir, uid: uid + 1 }), null, 'neither is the one that we could make, for it would not be theirs')
  t.equal(defaultLogFile({ now, tmpdir: join(tmpdir, 'missing'), uid }), null)
})

t.test('where users have no numbers the directory is one of its own', async t => {
  const tmpdir = ownDirectory(t)
  t.equal(defaultLogFile({ now, tmpdir, uid: -1 }), join(tmpdir, 'openclaw-user', 'openclaw-2026-11-20.log'))
})
