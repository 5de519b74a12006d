import type { AgentConfig } from '@meridian/agent'
import { TokenBook } from '@meridian/shared/access'
import { systemClock } from '@meridian/shared/system'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { plural } from '../output.ts'
import { reasonOf, type Finding } from './finding.ts'

const dayMs = 24 * 60 * 60_000
/** Long enough to get another one made in working hours. */
const certificateDaysMin = 14

/** Whether those who should be let in are, and nobody else. */
export function checkAccess({ http }: AgentConfig): Finding[] {
  const findings: Finding[] = []
  const { tokensFile, tls } = http
  if (tokensFile === undefined) {
    findings.push({
      check: 'access',
      state: 'ok',
      found: 'whoever is on this host may do everything: no tokens are set (MERIDIAN_TOKENS_FILE)',
    })
  } else findings.push(checkTokens(tokensFile))
  if (tls) findings.push(checkCertificate(tls.certFile))
  return findings
}

function checkTokens(path: string): Finding {
  try {
    const { size } = new TokenBook(path, systemClock)
    if (size > 0)
      return { check: 'access', state: 'ok', found: `${plural(size, 'token')} in ${path}` }
    return {
      check: 'access',
      state: 'warning',
      found: `no token is in ${path}: nobody is let in over TCP`,
      todo: 'make one: meridian token create',
    }
  } catch (error) {
    return {
      check: 'access',
      state: 'problem',
      found: reasonOf(error),
      todo: 'make tokens with meridian token create, or correct MERIDIAN_TOKENS_FILE',
    }
  }
}

function checkCertificate(path: string): Finding {
  const todo = 'have the certificate renewed, then: meridian agent reload'
  try {
    const until = Date.parse(new X509Certificate(readFileSync(path)).validTo)
    const days = Math.floor((until - systemClock.wall()) / dayMs)
    const found = `the certificate ${path} holds for ${days} more days`
    if (days < 0) {
      return {
        check: 'access',
        state: 'problem',
        found: `the certificate ${path} has expired`,
        todo,
      }
    }
    if (days < certificateDaysMin) return { check: 'access', state: 'warning', found, todo }
    return { check: 'access', state: 'ok', found }
  } catch (error) {
    return {
      check: 'access',
      state: 'problem',
      found: `the certificate ${path} cannot be used: ${reasonOf(error)}`,
      todo: 'correct MERIDIAN_TLS_CERT_FILE',
    }
  }
}
