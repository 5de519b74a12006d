import { MeridianError } from '../errors.ts'

/** What a NATS server takes unless it is configured otherwise. */
export const PAYLOAD_BYTES_MAX = 1_048_576

/** Errors: `payload_too_large`. */
export function checkPayload(subject: string, body: Uint8Array, payloadBytesMax: number): void {
  if (body.byteLength > payloadBytesMax) {
    throw new MeridianError(
      'payload_too_large',
      `a message of ${body.byteLength} bytes to ${subject} is over the limit of ${payloadBytesMax}`,
    )
  }
}
