import { Text } from "@mantine/core";
import { useOperation } from "../../api/use-operation.ts";
import { Copyable } from "../../parts/copyable.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";

/** What checkpoints are verified with. */
export function PublicKey() {
  const { data, error } = useOperation("getLedgerPublicKey", {});
  return (
    <Section
      title="Public key"
      about="What checkpoints are verified with. An auditor takes it once and keeps it: a key that is asked for at the time of the check proves nothing."
    >
      <ProblemAlert error={error} />
      {data !== undefined && (
        <>
          <Copyable label="Public key" text={data.key} />
          {data.earlier.length > 0 && (
            <>
              <Text size="sm">Checkpoints from before are signed with:</Text>
              <Copyable label="Earlier keys" text={data.earlier.join("\n")} />
            </>
          )}
        </>
      )}
    </Section>
  );
}
