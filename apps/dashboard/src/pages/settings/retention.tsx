import { Button, Group, NativeSelect, Text } from "@mantine/core";
import type { Retention as Kept } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { useChange, useOperation, type Touches } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { Moment } from "../../parts/moment.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";

const FOR_EVER = "";
const MONTHS = [1, 3, 6, 12, 13, 24, 36, 60, 84, 120];
const TOUCHES: Touches = ["getRetention", "listCalls", "listAudit"];

/** For how long it is kept who and what single calls were. */
export function Retention() {
  const { data, error } = useOperation("getRetention", {});
  return (
    <Section
      title="Details of calls"
      about="Who and what a single call was: its user, session, model, decision. Whole months lose them once they are older than this; sums, the chain and its receipts stay for ever."
    >
      <ProblemAlert error={error} />
      {data !== undefined && (
        <>
          <NowKept kept={data} />
          <RetentionForm key={`${data.environment} ${data.version}`} kept={data} />
        </>
      )}
    </Section>
  );
}

function NowKept({
  kept: { environment, detail_months, keeps_from, purged_before, removing },
}: {
  readonly kept: Kept;
}) {
  return (
    <Text size="sm">
      {detail_months === null || keeps_from === null ? (
        `Kept for ever in ${environment}.`
      ) : (
        <>
          Kept in {environment} for {monthsWords(detail_months)} behind the running one: now since{" "}
          <Moment at={keeps_from} />.
        </>
      )}
      {purged_before !== null && (
        <>
          {" "}
          Calls before <Moment at={purged_before} /> {removing ? "are losing theirs now" : "have lost theirs"}, for
          good.
        </>
      )}
    </Text>
  );
}

function monthsWords(months: number): string {
  return months === 1 ? "one month" : `${months} months`;
}

function RetentionForm({ kept }: { readonly kept: Kept }) {
  const { environment, detail_months, version } = kept;
  const mayChange = useMay("own");
  const now = detail_months === null ? FOR_EVER : String(detail_months);
  const [chosen, setChosen] = useState(now);
  const [isAsked, setAsked] = useState(false);
  const update = useChange("updateRetention", TOUCHES, () => setAsked(false));
  if (!mayChange) return <Text size="sm">An owner can change it.</Text>;
  const months = chosen === FOR_EVER ? null : Number(chosen);
  const isShorter = months !== null && (detail_months === null || months < detail_months);
  const save = () => update.mutate({ input: { body: { detail_months: months } }, version });
  const choices = [...new Set([...MONTHS, ...(detail_months === null ? [] : [detail_months])])].toSorted(
    (a, b) => a - b,
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isShorter) setAsked(true);
        else save();
      }}
    >
      <Group align="end" gap="lg">
        <NativeSelect
          label={`Keep them in ${environment}`}
          w={200}
          value={chosen}
          onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          data={[
            { value: FOR_EVER, label: "for ever" },
            ...choices.map((each) => ({ value: String(each), label: `for ${monthsWords(each)}` })),
          ]}
        />
        <Button type="submit" variant="default" loading={update.isPending} disabled={chosen === now}>
          Save
        </Button>
      </Group>
      {!isAsked && <ProblemAlert error={update.error} />}
      {isAsked && months !== null && (
        <Confirm
          title={`Keep details for ${monthsWords(months)} only?`}
          action="Remove what is older"
          typed={environment}
          isBusy={update.isPending}
          error={update.error}
          onConfirm={save}
          onClose={() => setAsked(false)}
        >
          Within the hour, calls of {environment} in months that are over for longer lose their details and the texts
          that were kept of them. Nobody can bring them back. An entry of the ledger says so for each month.
        </Confirm>
      )}
    </form>
  );
}
