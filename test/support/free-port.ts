export { freePort } from '../../cli/src/world/free-port.ts'
