/** `unix:///run/meridian/agent.sock`; undefined for other addresses. */
export function socketPathOf(url: string): string | undefined {
  return url.startsWith('unix://') ? url.slice('unix://'.length) : undefined
}

/** A `fetch` whose every request goes through the Unix socket at `path`. */
export function fetchOver(path: string): typeof fetch {
  // Loaded when needed: no runtime's own fetch knows sockets, and most callers need none.
  const loaded = import('undici').then(({ Agent, fetch: send }) => ({
    send,
    dispatcher: new Agent({ connect: { socketPath: path } }),
  }))
  const overSocket = async (input: string | URL, init: RequestInit) => {
    const { send, dispatcher } = await loaded
    return await send(input, { ...init, dispatcher } as Parameters<typeof send>[1])
  }
  return overSocket as unknown as typeof fetch
}
