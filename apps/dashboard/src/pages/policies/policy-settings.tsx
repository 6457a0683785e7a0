import { Code, Table, Text } from "@mantine/core";

const SETTINGS: readonly { readonly name: string; readonly says: string; readonly example: string }[] = [
  {
    name: "attach",
    says: "Whose calls it is about: every call, or those of one user, feature or plan. The most specific wins",
    example: '"default", {"plan": "pro"}',
  },
  {
    name: "priority",
    says: "Decides among policies attached to the same; the higher wins, then the newest",
    example: "0",
  },
  { name: "mode", says: "Whether it decides, or only says what it would have done", example: '"enforce", "observe"' },
  {
    name: "models, providers, endpoints, features",
    says: "What may be used, and what never; * is any text",
    example: '{"allow": ["gpt-4o*"], "deny": ["*-preview"]}',
  },
  {
    name: "caps",
    says: "What one call may cost, send and ask for",
    example: '{"cost": "0.50", "input_tokens": 8000, "output_tokens": 2000}',
  },
  {
    name: "limits",
    says: "What may be used in a window; scope says on whom it counts",
    example: '[{"scope": "user", "measure": "usd", "amount": "5.00", "window": "day", "mode": "hard"}]',
  },
  {
    name: "on_exceed",
    says: "What happens to a call that does not fit",
    example: '{"action": "downgrade", "model": "gpt-4o-mini"}',
  },
  {
    name: "when",
    says: "A condition in CEL: it applies only where that is true",
    example: String.raw`"model == \"gpt-4o\""`,
  },
  {
    name: "output_clamp",
    says: "May the provider's own output limit be set to what is affordable, rather than a call refused?",
    example: '"allowed", "forbidden"',
  },
  { name: "fail_mode", says: "What happens while limits cannot be read", example: '"closed", "open"' },
];

/** What can stand in a policy, beside the editor. */
export function PolicySettings() {
  return (
    <details>
      <Text component="summary" size="sm" style={{ cursor: "pointer" }}>
        What can stand in a policy
      </Text>
      <section aria-label="What can stand in a policy" tabIndex={0} style={{ overflowX: "auto" }}>
        <Table mt="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Setting</Table.Th>
              <Table.Th scope="col">What it says</Table.Th>
              <Table.Th scope="col">Example</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {SETTINGS.map(({ name, says, example }) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500}>
                  {name}
                </Table.Th>
                <Table.Td>{says}</Table.Td>
                <Table.Td>
                  <Code>{example}</Code>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </section>
    </details>
  );
}
