import { Alert, Button, Collapse, Progress, Stack, Text, Textarea, UnstyledButton } from "@mantine/core";
import type { Answer, LedgerVerified, LedgerWalk } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { formatCount } from "../../parts/format.ts";
import { Moment } from "../../parts/moment.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { Section } from "../../parts/section.tsx";

const ASK_MS = 500;

/** What the last night found, and a look now. */
export function Verification() {
  const night = useOperation("getLedgerVerification", {});
  const [id, setId] = useState<string | null>(null);
  const [pin, setPin] = useState("");
  const begin = useChange("beginVerification", [], (walk) => setId(walk.id));
  const walk = useOperation(
    "getVerification",
    { params: { id: id ?? "" } },
    { enabled: id !== null, refetchInterval: ASK_MS, until: isOver },
  );
  const walked = id !== null && walk.data?.id === id ? walk.data : null;
  const isWalking = id !== null && walk.error === null && (walked === null || !isOver(walked));
  const body = pin.trim() === "" ? {} : { pin: `${pin.trim()}\n` };
  return (
    <Section
      title="Verification"
      about="Walks the chain entry by entry: hashes, authentication codes, gaps, the columns that are derived from it, and the signatures of checkpoints."
      actions={
        <Button onClick={() => begin.mutate({ input: { body } })} loading={begin.isPending || isWalking}>
          Verify now
        </Button>
      }
    >
      <ProblemAlert error={night.error} />
      {night.data !== undefined && <LastNight night={night.data} />}
      {isWalking && <Walking walk={walked} />}
      <ProblemAlert error={begin.error ?? walk.error} />
      {walked !== null && isOver(walked) && <Verified found={walked.answer} />}
      <PinInput pin={pin} onChange={setPin} />
    </Section>
  );
}

function isOver({ state }: LedgerWalk): boolean {
  return state === "done" || state === "ended";
}

/** How far it is; the size of the chain is known once it has begun. */
function Walking({ walk }: { readonly walk: LedgerWalk | null }) {
  const { walked = 0, of = null } = walk ?? {};
  const percent = of === null || of === 0 ? 0 : Math.floor((100 * walked) / of);
  return (
    <Stack gap={4}>
      <Progress.Root>
        <Progress.Section value={percent} aria-label="Entries that were walked" animated />
      </Progress.Root>
      <Text size="sm" role="status">
        {walk?.state === "waiting" || of === null
          ? "Waiting for its turn …"
          : `${formatCount(walked)} of ${formatCount(of)} entries`}
      </Text>
    </Stack>
  );
}

function PinInput({ pin, onChange }: { readonly pin: string; readonly onChange: (pin: string) => void }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Stack gap="xs" align="start">
      <UnstyledButton onClick={() => setOpen(!isOpen)} aria-expanded={isOpen} fz="sm" td="underline">
        I kept a checkpoint
      </UnstyledButton>
      <Collapse expanded={isOpen} w="100%">
        <Textarea
          label="Its text"
          description="With it the walk also proves that no entry it covers was cut off the end or replaced."
          autosize
          minRows={3}
          maxRows={10}
          value={pin}
          onChange={({ currentTarget }) => onChange(currentTarget.value)}
        />
      </Collapse>
    </Stack>
  );
}

function LastNight({ night }: { readonly night: Answer<"getLedgerVerification"> }) {
  if (night.looked_at === null)
    return <Text size="sm">No night has passed since the chain began: each night it is verified by itself.</Text>;
  if (night.result === "FAIL")
    return (
      <Alert
        color="red"
        role="alert"
        title={`The nightly verification failed: entry ${night.first_bad_sequence ?? "unknown"}`}
      >
        {night.problem ?? "It is not said why."} Somebody changed what is stored: keep a copy of the database as it is,
        verify with a checkpoint that was kept elsewhere, and compare with a backup.
      </Alert>
    );
  return (
    <Text size="sm">
      Last night it was sound up to entry {formatCount(night.verified_to)} (<Moment at={night.looked_at} />
      ), and it was last walked from its first entry on <Moment at={night.whole_at} />.
    </Text>
  );
}

function Verified({ found }: { readonly found: LedgerVerified | null }) {
  if (found === null)
    return (
      <Alert color="yellow" role="alert" title="It ended before it was through">
        The process that walked was stopped. Verify again.
      </Alert>
    );
  const { result, entries, checkpoints, purged, tail, proven_to, first_bad_sequence, problem } = found;
  if (result === "FAIL")
    return (
      <Alert color="red" role="alert" title={`FAIL: the first bad entry is ${first_bad_sequence ?? "unknown"}`}>
        {problem ?? "It is not said why."}
      </Alert>
    );
  return (
    <Alert color="toll" role="status" title="PASS">
      {formatCount(entries)} entries and {formatCount(checkpoints)} {checkpoints === 1 ? "checkpoint" : "checkpoints"}{" "}
      agree.{" "}
      {purged !== null && purged > 0 && `Details of ${formatCount(purged)} were purged, as the chain itself says. `}
      {tail === "PROVEN"
        ? `By the checkpoint that you kept, none of the first ${formatCount(proven_to ?? 0)} entries was cut off or replaced.`
        : "That none was cut off the end only a checkpoint can show that was kept elsewhere."}
    </Alert>
  );
}
