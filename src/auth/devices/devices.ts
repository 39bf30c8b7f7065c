export type { Devices } from './types.ts'
