import { Alert, List, Text } from "@mantine/core";
import { ProblemError } from "../api/problem.ts";

/** The one place where a problem is shown that belongs to no field: its words, its code, and which fields it names. */
export function ProblemAlert({ error }: { readonly error: Error | null }) {
  if (error === null) return null;
  const problem = error instanceof ProblemError ? error.problem : null;
  const fields = problem?.errors ?? [];
  return (
    <Alert color="red" role="alert" title={problem?.reason_code ?? "It did not work"} variant="light">
      <Text size="sm">{error.message}</Text>
      {fields.length > 0 && (
        <List size="sm" mt={4}>
          {fields.map(({ field, problem: why }) => (
            <List.Item key={`${field} ${why}`}>
              <code>{field}</code>: {why}
            </List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}
