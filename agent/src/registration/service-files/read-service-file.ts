import { canonicalJson, sha256Hex } from '@meridian/shared'
import { findClientServers, isObject, readClientConfiguration } from './client-configuration.ts'
import { readDocument } from './document.ts'
import { serviceFileLimits } from './limits.ts'
import { readRegistrations } from './own-format.ts'
import {
  Report,
  type FileFacts,
  type ReadFormat,
  type Reading,
  type ServiceFormat,
} from './reading.ts'
import { readServerJson } from './server-json.ts'

/** What a service file asks for, of whichever format it is, and what is wrong in it. */
export function readServiceFile(file: FileFacts, bytes: Uint8Array): Reading {
  const document = readDocument(file.name, bytes)
  if (document.kind === 'unreadable') {
    const { line, problem } = document
    return unknown([{ ...(line !== undefined && { line }), field: '(whole)', problem }])
  }
  const report = new Report(document)
  const { value } = document
  const [format, read] = isObject(value) ? formatOf(value) : []
  if (!isObject(value) || !format || !read) {
    report.add(
      [],
      'is none of these: registrations (endpoint, or instances), a client configuration (mcpServers, or servers), a server.json (name, with remotes or packages)',
    )
    return unknown(report.problems)
  }
  const entries = read(value, report, file).map((entry) => ({
    ...entry,
    fingerprint: sha256Hex(canonicalJson(entry.registration)),
    line: report.lineOf(entry.id),
  }))
  const { entriesMax, problemsMax } = serviceFileLimits
  if (entries.length > entriesMax) {
    report.add([], `asks for ${entries.length} instances; the limit is ${entriesMax}`)
  }
  return {
    format,
    entries: entries.slice(0, entriesMax),
    problems: report.problems.slice(0, problemsMax),
  }
}

function formatOf(value: object): [ServiceFormat, ReadFormat] | [] {
  if ('endpoint' in value || 'instances' in value) return ['registrations', readRegistrations]
  if ('name' in value && ('remotes' in value || 'packages' in value)) {
    return ['server-json', readServerJson]
  }
  if (findClientServers(value)) return ['client-configuration', readClientConfiguration]
  return []
}

function unknown(problems: Reading['problems']): Reading {
  return { format: 'unknown', entries: [], problems }
}
