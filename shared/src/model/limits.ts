/**
 * Every size that the model enforces. The largest real server record seen is 361 KB, the 99th
 * percentile 53 KB, the most tools in one server 302: the limits leave room above what exists
 * and still keep a definition below one transport payload (1 MiB).
 */
export const limits = {
  definitionBytesMax: 512 * 1024,
  capabilitiesMax: 1_000,
  /** Nesting of JSON values inside a definition, so that no reader overflows its stack. */
  jsonDepthMax: 64,
  capabilityNameMax: 256,
  uriMax: 2_048,
  titleMax: 256,
  descriptionMax: 16_384,
  instructionsMax: 65_536,
  versionMax: 255,
  serverNameMin: 3,
  serverNameMax: 200,
  protocolsMax: 16,
  tagsMax: 64,
  tagMax: 64,
  metadataMax: 64,
  metadataKeyMax: 64,
  metadataValueMax: 512,
  instanceIdMax: 128,
  localityPartMax: 63,
  weightMax: 1_000,
  capacityMax: 1_000_000,
} as const
