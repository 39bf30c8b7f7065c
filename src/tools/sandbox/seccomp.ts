/** System calls that no program of an agent needs and that the kernel has been attacked through: they answer "not permitted". */

interface Architecture {
  /** As the kernel names it to filters. */
  readonly audit: number
  /** Numbers from here on are those of another way to call. */
  readonly foreignFrom?: number
  readonly denied: readonly number[]
}

/** The same everywhere: io_uring, mounts by handle. */
const recent = [425, 426, 427, 428, 429, 430, 431, 432, 433, 442]

/**
 * ptrace, mount, umount2, swapon, swapoff, reboot, init_module, delete_module, finit_module, quotactl, acct, settimeofday, syslog,
 * pivot_root, chroot, add_key, request_key, keyctl, unshare, setns, process_vm_readv, process_vm_writev, kcmp, bpf, userfaultfd,
 * perf_event_open, kexec_load, kexec_file_load, open_by_handle_at, name_to_handle_at, move_pages, lookup_dcookie; on x64 iopl and
 * ioperm, too.
 */
const architectures: { readonly [arch: string]: Architecture } = {
  x64: {
    audit: 0xc000003e,
    foreignFrom: 0x40000000,
    denied: [
      101, 165, 166, 167, 168, 169, 175, 176, 313, 179, 163, 164, 103, 155, 161, 248, 249, 250, 272, 308, 310, 311, 312, 321, 323, 298,
      246, 320, 304, 303, 279, 212, 172, 173, ...recent
    ]
  },
  arm64: {
    audit: 0xc00000b7,
    denied: [
      117, 40, 39, 224, 225, 142, 105, 106, 273, 60, 89, 170, 116, 41, 51, 217, 218, 219, 97, 268, 270, 271, 272, 280, 282, 241,
      104, 294, 265, 264, 239, 18, ...recent
    ]
  }
}

const [load, jumpIfEqual, jumpIfAtLeast, answer] = [0x20, 0x15, 0x35, 0x06]
const [callNumber, architecture] = [0, 4]
const [allow, notPermitted] = [0x7fff0000, 0x00050001]

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, value: number]

/** A program for the kernel; undefined for machines whose numbers are not known here. */
export function seccompFilter (arch: string = process.arch): Buffer | undefined {
  const known = architectures[arch]
  if (!known) return undefined
  const { audit, foreignFrom, denied } = known
  const foreign = foreignFrom === undefined ? [] : [[jumpIfAtLeast, foreignFrom] as const]
  const checks = [...foreign, ...denied.map(number => [jumpIfEqual, number] as const)]
  // Every check jumps over those behind it, and over "allow", to the last instruction.
  const program: Instruction[] = [
    [load, 0, 0, architecture], [jumpIfEqual, 0, checks.length + 2, audit], [load, 0, 0, callNumber],
    ...checks.map(([code, value], index): Instruction => [code, checks.length - index, 0, value]),
    [answer, 0, 0, allow], [answer, 0, 0, notPermitted]
  ]
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, whenTrue, whenFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(whenTrue, index * 8 + 2)
    bytes.writeUInt8(whenFalse, index * 8 + 3)
    bytes.writeUInt32LE(value, index * 8 + 4)
  }
  return bytes
}
