/** Documents with commands in them, by path from the root. */
export const pagesWithCommands = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/cli.md',
  'docs/guide.md',
  'docs/health.md',
  'docs/lookup.md',
  'docs/nats.md',
  'docs/query.md',
  'docs/registration.md',
  'docs/registry-api.md',
  'docs/scale.md',
  'docs/security.md',
  'docs/traces.md',
] as const
