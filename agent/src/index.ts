export { startAgent, type Agent, type AgentOptions } from './agent.ts'
export { readAgentConfig, type AgentConfig } from './config.ts'
export { migrationsDir, startAgentProgram } from './program.ts'
export {
  acquireGuardian,
  spawnChild,
  startStdioServer,
  type Guardian,
  type StdioServer,
  type SupervisedChild,
} from './registration/supervision/index.ts'
export { createNode, type AgentNode, type NodeOptions } from './node.ts'
export { openServiceFolder } from './registration/service-files/folder.ts'
export { readServiceFile } from './registration/service-files/read-service-file.ts'
