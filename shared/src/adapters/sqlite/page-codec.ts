import { MeridianError } from '../../errors.ts'
import type { OwnerId } from '../../model/index.ts'
import type { OwnerRecord } from '../../replication/index.ts'
import { decodeRecords, encodeRecords } from '../../wire/index.ts'
import { plainBytes } from './plain-bytes.ts'

/** Records of a page: some 3 KB, so that it fits on one of the database's. */
export const recordsAPage = 32

/** Fewer records that came together get rows of their own, which are cheaper to replace one by one. */
export const pagedMin = 256

export function encodePage(records: readonly OwnerRecord[]): Uint8Array {
  return encodeRecords(records)
}

/** Errors: `data_damaged`. */
export function decodePage(
  owner: OwnerId,
  { first, records }: { readonly first: number; readonly records: Buffer },
): OwnerRecord[] {
  try {
    return decodeRecords(plainBytes(records))
  } catch (cause) {
    const problem = `the records of ${owner} from ${first} on cannot be read`
    throw new MeridianError('data_damaged', problem, { cause })
  }
}
