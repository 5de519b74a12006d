import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { DefinitionId } from '../model/index.ts'

/** Whether these are the bytes that the id names. A definition that is not is somebody's fault. */
export function isDefinition(id: DefinitionId, canonical: Uint8Array): boolean {
  return bytesToHex(sha256(canonical)) === id
}
