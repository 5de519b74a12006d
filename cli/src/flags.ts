import type { Environment } from '@meridian/shared/settings'

const settings: Readonly<Record<string, string>> = {
  config: 'MERIDIAN_CONFIG_FILE',
  tier: 'MERIDIAN_TIER',
  region: 'MERIDIAN_REGION',
  zone: 'MERIDIAN_ZONE',
  node: 'MERIDIAN_NODE',
  replica: 'MERIDIAN_REPLICA',
  data: 'MERIDIAN_DATA',
  host: 'MERIDIAN_HTTP_HOST',
  port: 'MERIDIAN_HTTP_PORT',
  nats: 'MERIDIAN_NATS_URL',
  logLevel: 'MERIDIAN_LOG_LEVEL',
}

/** The process's environment with what the flags say on top, so that both are judged alike. */
export function environmentOf(flags: Readonly<Record<string, string>>): Environment {
  const given = Object.entries(flags).flatMap(([flag, value]) => {
    const name = settings[flag]
    return name === undefined ? [] : [[name, value] as const]
  })
  return { ...process.env, ...Object.fromEntries(given) }
}
