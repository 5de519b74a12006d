import { describe, expect, it } from 'vitest'
import { createProbePolicy, type ProbePolicyOptions } from './probe-targets.ts'

/** A resolver that knows these names and no other. */
function names(
  table: Record<string, readonly string[]>,
): NonNullable<ProbePolicyOptions['resolve']> {
  return (hostname) => {
    const found = table[hostname]
    return found === undefined
      ? Promise.reject(new Error(`getaddrinfo ENOTFOUND ${hostname}`))
      : Promise.resolve(found)
  }
}

const own = () => ['192.168.7.20', '2001:db8:7::20', 'fe80::20']

function policy(options: ProbePolicyOptions = {}) {
  return createProbePolicy({ ownAddresses: own, resolve: names({}), ...options })
}

async function addressesOf(url: string, options: ProbePolicyOptions = {}): Promise<string[]> {
  const target = await policy(options).check(new URL(url))
  return target.addresses.map(({ address }) => address)
}

async function refusalOf(url: string, options: ProbePolicyOptions = {}): Promise<string> {
  const error: unknown = await policy(options)
    .check(new URL(url))
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'MeridianError', code: 'address_not_allowed' })
  return (error as Error).message
}

describe('createProbePolicy', () => {
  it.each([
    ['http://127.0.0.1:3000/mcp', '127.0.0.1'],
    ['http://127.8.9.10/', '127.8.9.10'],
    ['http://[::1]:3000/', '::1'],
    ['http://192.168.7.20/', '192.168.7.20'],
    ['http://[2001:db8:7:0::20]/', '2001:db8:7::20'],
    ['http://[::ffff:127.0.0.1]/', '127.0.0.1'],
    // The URL parser already reads these as 127.0.0.1.
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
  ])('allows this host: %s', async (url, address) => {
    expect(await addressesOf(url)).toEqual([address])
  })

  it.each([
    ['http://10.1.2.3/', 'is not this host'],
    ['http://192.168.7.21/', 'is not this host'],
    ['http://[2001:db8:7::21]/', 'is not this host'],
    ['http://[::ffff:10.1.2.3]/', '10.1.2.3 is not this host'],
    ['http://169.254.169.254/latest/meta-data', 'metadata'],
    ['http://[::ffff:169.254.169.254]/', 'metadata'],
    ['http://[fd00:ec2::254]/', 'metadata'],
    ['http://[fe80::20]/', 'link-local'],
    ['http://0.0.0.0:3000/', 'no address of a server'],
    ['http://[::]/', 'no address of a server'],
    ['http://224.0.0.1/', 'multicast'],
    ['http://255.255.255.255/', 'reserved'],
    ['http://[64:ff9b::7f00:1]/', 'in disguise'],
    ['http://[2002:7f00:1::1]/', 'in disguise'],
    ['http://[::7f00:1]/', 'in disguise'],
  ])('refuses %s', async (url, reason) => {
    expect(await refusalOf(url)).toContain(reason)
  })

  it('checks what a name resolves to, and keeps only what may be connected to', async () => {
    const resolve = names({
      localhost: ['::1', '127.0.0.1'],
      'mixed.example': ['10.0.0.9', '127.0.0.1'],
      'evil.example': ['169.254.169.254'],
    })
    expect(await addressesOf('http://localhost:3000/', { resolve })).toEqual(['::1', '127.0.0.1'])
    expect(await addressesOf('http://mixed.example/', { resolve })).toEqual(['127.0.0.1'])
    expect(await refusalOf('http://evil.example/', { resolve })).toContain(
      'evil.example resolves to 169.254.169.254',
    )
  })

  it('opens names, addresses and networks that the operator allows', async () => {
    const resolve = names({
      'mcp.corp': ['10.9.9.9'],
      'a.mcp.corp': ['10.9.9.8'],
      'other.corp': ['10.9.9.7'],
    })
    const allow = ['MCP.corp', '*.mcp.corp.', '172.16.0.0/12', '2001:db8:a::/48', '203.0.113.7']
    const open = (url: string) => addressesOf(url, { resolve, allow })
    expect(await open('http://mcp.corp/')).toEqual(['10.9.9.9'])
    expect(await open('http://mcp.corp./')).toEqual(['10.9.9.9'])
    expect(await open('http://a.mcp.corp/')).toEqual(['10.9.9.8'])
    expect(await open('http://172.31.0.1/')).toEqual(['172.31.0.1'])
    expect(await open('http://[2001:db8:a:1::5]/')).toEqual(['2001:db8:a:1::5'])
    expect(await open('http://203.0.113.7/')).toEqual(['203.0.113.7'])
    expect(await refusalOf('http://other.corp/', { resolve, allow })).toContain('is not this host')
    expect(await refusalOf('http://172.32.0.1/', { resolve, allow })).toContain('is not this host')
  })

  it('opens a guarded network only to who names it, not to "everything" or to a name', async () => {
    const resolve = names({ 'mcp.corp': ['169.254.169.254'] })
    const metadata = 'http://169.254.169.254/'
    await refusalOf(metadata, { allow: ['0.0.0.0/0', '::/0'] })
    await refusalOf(metadata, { allow: ['169.0.0.0/8'] })
    await refusalOf('http://mcp.corp/', { resolve, allow: ['mcp.corp'] })
    expect(await addressesOf(metadata, { allow: ['169.254.0.0/16'] })).toEqual(['169.254.169.254'])
    expect(await addressesOf(metadata, { allow: ['169.254.169.254'] })).toEqual(['169.254.169.254'])
  })

  it('resolves a name once, so that a later answer cannot be another', async () => {
    const answers = [['127.0.0.1'], ['169.254.169.254']]
    let asked = 0
    const resolve = () => Promise.resolve(answers[asked++] ?? [])
    const target = await policy({ resolve }).check(new URL('http://rebind.example:81/'))
    expect(target).toEqual({
      origin: 'http://rebind.example:81',
      hostname: 'rebind.example',
      port: 81,
      addresses: [{ address: '127.0.0.1', family: 4 }],
    })
    expect(asked).toBe(1)
  })

  it('reads the own addresses at each check', async () => {
    let addresses: string[] = []
    const checked = createProbePolicy({ ownAddresses: () => addresses })
    await expect(checked.check(new URL('http://192.0.2.8/'))).rejects.toThrow('not this host')
    addresses = ['192.0.2.8']
    expect((await checked.check(new URL('http://192.0.2.8/'))).addresses).toHaveLength(1)
  })

  it('says that a name has no address', async () => {
    for (const resolve of [names({}), () => Promise.resolve([])]) {
      await expect(
        policy({ resolve }).check(new URL('http://nowhere.example/')),
      ).rejects.toMatchObject({
        code: 'endpoint_unreachable',
        message: expect.stringContaining('nowhere.example has no address') as string,
      })
    }
  })

  it('stops waiting for a resolver when the signal aborts', async () => {
    const never = () => new Promise<readonly string[]>(() => {})
    const controller = new AbortController()
    const checking = policy({ resolve: never }).check(
      new URL('http://a.example/'),
      controller.signal,
    )
    controller.abort(new Error('enough'))
    await expect(checking).rejects.toThrow('enough')
  })

  it('lists every entry of the allow list that means nothing', () => {
    const allow = ['10.0.0.0/40', '300.1.1.1', 'ok.example', 'a b', '10', '*']
    expect(() => createProbePolicy({ allow })).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        violations: ['10.0.0.0/40', '300.1.1.1', 'a b', '10', '*'].map(
          (value) => expect.objectContaining({ value: JSON.stringify(value) }) as object,
        ),
      }) as Error,
    )
  })
})
