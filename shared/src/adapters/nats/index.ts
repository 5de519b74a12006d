export { natsEnvironment, natsSettingsOf } from './environment.ts'
export { connectNats, type NatsOptions } from './transport.ts'
export type { NatsCredentials, NatsSettings, NatsTls } from './settings.ts'
export { examineNats } from './examine.ts'
