export { readRegistryConfig, type Place, type RegistryConfig } from './config.ts'
export { consoleDir, migrationsDir, startRegistryProgram } from './program.ts'
export { startRegistry, type Registry, type RegistryOptions } from './registry.ts'
export { createReplica, type Replica, type ReplicaOptions } from './replica.ts'
