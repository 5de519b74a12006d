export {
  createInProcessNetwork,
  type InProcessNetwork,
  type InProcessNetworkOptions,
} from './network.ts'
