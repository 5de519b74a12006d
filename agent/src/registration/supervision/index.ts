export { acquireGuardian, type Guardian } from './guardian.ts'
export { startStdioServer, type StdioServer } from './stdio-server.ts'
export { spawnChild, type SupervisedChild } from './supervised-child.ts'
