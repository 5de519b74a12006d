import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { z } from 'zod'

/** A line that is not what its file should hold. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

/**
 * Every line of a JSON Lines file, read by `schema`; empty lines are skipped. Throws `LineError`
 * with the file, the number of the line and what is wrong with it.
 */
export async function readLines<T extends z.ZodType>(
  file: string,
  schema: T,
): Promise<z.output<T>[]> {
  const records: z.output<T>[] = []
  let number = 0
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    number++
    if (line.trim() === '') continue
    records.push(readLine(line, schema, `${file}:${number}`))
  }
  if (records.length === 0) throw new LineError(`${file} holds no line`)
  return records
}

function readLine<T extends z.ZodType>(line: string, schema: T, where: string): z.output<T> {
  const result = schema.safeParse(parsed(line, where))
  if (result.success) return result.data
  const problems = result.error.issues.slice(0, 5).map(({ path, message }) => {
    return `${path.map(String).join('.') || '(whole)'}: ${message}`
  })
  throw new LineError(`${where} is not a record as described: ${problems.join('; ')}`)
}

function parsed(line: string, where: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new LineError(`${where} is not JSON: ${why}`, { cause })
  }
}
