/**
 * node:http without its lazy exports. An ES module import evaluates all of them, which loads undici: 20 ms and 8 MB that a gateway
 * needs for nothing.
 */
export const nodeHttp = (): typeof import('node:http') => process.getBuiltinModule('node:http')
