import fc from 'fast-check'

/**
 * Properties are tried with the same values in every run, so that a change is blamed only for what
 * it did. Other values are looked for on purpose, as many as there is time for:
 *
 *     MERIDIAN_PROPERTY_SEED=7 MERIDIAN_PROPERTY_RUNS=5000 npm run test:unit
 */
fc.configureGlobal({
  seed: Number(process.env['MERIDIAN_PROPERTY_SEED'] ?? 1),
  ...(process.env['MERIDIAN_PROPERTY_RUNS'] !== undefined && {
    numRuns: Number(process.env['MERIDIAN_PROPERTY_RUNS']),
  }),
})
