import type { RegistrationInput } from '@meridian/shared'

/**
 * A registration that says itself what the server offers, so that nobody has to run it: one tool,
 * `<name>_tool`, of the server `com.example/<name>`.
 */
export function describedServer(name: string): RegistrationInput {
  return {
    endpoint: { url: `http://127.0.0.1:9/${name}` },
    definition: {
      name: `com.example/${name}`,
      version: '1.0.0',
      capabilities: {
        tools: [{ name: `${name}_tool`, inputSchema: { type: 'object' } }],
        resources: [],
        resourceTemplates: [],
        prompts: [],
      },
    },
    registrant: 'test',
    // Nothing runs there.
    checks: [],
  }
}
