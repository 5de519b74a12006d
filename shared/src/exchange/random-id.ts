import type { Random } from '../ports/index.ts'

const digits = 16

/** 16 digits to base 36, 82 bits: names a run or a database. Not a secret. */
export function randomId(random: Random): string {
  let id = ''
  for (let i = 0; i < digits; i += 1) id += Math.floor(random() * 36).toString(36)
  return id
}
