/**
 * Where a part reports what an operator may want to know. Fields first, then a short fixed
 * message: `log.warn({ subject, bytes }, 'message dropped')`. A pino logger is one.
 */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
