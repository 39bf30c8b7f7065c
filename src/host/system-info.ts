import { statfs } from 'node:fs/promises'
import { arch, cpus, freemem, hostname, loadavg, platform, release, totalmem } from 'node:os'
import { lanAddresses } from '../lib/own-addresses.ts'

export interface SystemInfoOptions {
  readonly port: () => number
  readonly bootId: string
  readonly stateDir: string
  readonly uptimeMs: () => number
}

const osNames: { readonly [name: string]: string } = { linux: 'Linux', darwin: 'macOS', win32: 'Windows', freebsd: 'FreeBSD' }

/** The host as the system cards of dashboards show it. */
export async function readSystemInfo ({ port, bootId, stateDir, uptimeMs }: SystemInfoOptions): Promise<object> {
  const disk = await statfs(stateDir).catch(() => undefined)
  const processors = cpus()
  const [lan] = lanAddresses()
  return {
    machineName: hostname(),
    hostname: hostname(),
    platform: platform(),
    release: release(),
    arch: arch(),
    osLabel: `${osNames[platform()] ?? platform()} ${release()}`,
    ...(lan ? { lanAddress: lan } : {}),
    port: port(),
    nodeVersion: process.version,
    pid: process.pid,
    processInstanceId: bootId,
    uptimeMs: uptimeMs(),
    cpuCount: processors.length,
    ...(processors[0] ? { cpuModel: processors[0].model } : {}),
    loadAverage: loadavg(),
    memoryTotalBytes: totalmem(),
    memoryFreeBytes: freemem(),
    ...(disk ? { diskTotalBytes: disk.blocks * disk.bsize, diskAvailableBytes: disk.bavail * disk.bsize, diskPath: stateDir } : {})
  }
}
