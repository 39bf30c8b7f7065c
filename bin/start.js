/* `npm start`: from a fresh clone to a running gateway, with nothing configured. Further arguments go to `gateway run`. */
import { installMissing } from './install.js'

installMissing()
stopWithParent()
process.argv.splice(2, 0, 'gateway', 'run', '--allow-unconfigured')
await import('./openclaw.js')

/* npm hands a SIGTERM to the shell between us, and the shell ends without telling anybody. */
function stopWithParent () {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 1000)
  watch.unref()
}
