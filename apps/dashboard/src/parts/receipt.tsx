import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { Receipt as ReceiptAnswer } from "@tollhouse/contract/control-client";
import { ask } from "../api/control-api.ts";
import { useOperation } from "../api/use-operation.ts";
import { usePlace } from "../app/place.ts";
import { Facts } from "./facts.tsx";
import { formatCount } from "./format.ts";
import { ProblemAlert } from "./problem-alert.tsx";
import { saveText } from "./save-text.ts";

/** The proof that one call is in the chain: to take along, and checked here. */
export function Receipt({ decision }: { readonly decision: string }) {
  const { data, error } = useOperation("getReceipt", { params: { id: decision } });
  if (error !== null) return <ProblemAlert error={error} />;
  return data === undefined ? <Text size="sm">Looking for it …</Text> : <Shown receipt={data} />;
}

function Shown({ receipt }: { readonly receipt: ReceiptAnswer }) {
  const { decision, sequence, entry, proof, tlog_proof } = receipt;
  const name = `receipt-${decision}.tlog-proof`;
  return (
    <Stack gap="sm">
      <Facts
        of={[
          ["Decision", <Code key="decision">{decision}</Code>],
          ["Entry", formatCount(sequence)],
          ["Hash", <Code key="hash">{entry.entry_hash}</Code>],
          ["Proof", `${proof.length} hashes up to the signed root`],
        ]}
      />
      <Group gap="sm">
        <Button variant="default" onClick={() => saveText(name, tlog_proof)}>
          Download the receipt
        </Button>
        <CheckHere receipt={receipt} />
      </Group>
      <Text size="sm">
        Whoever has the file and the ledger&apos;s public key checks it anywhere:{" "}
        <Code>tollhouse ledger verify {name} --key KEY</Code>
      </Text>
    </Stack>
  );
}

/** By the ledger's own verifier, in this browser: the server says nothing but the key. */
function CheckHere({ receipt }: { readonly receipt: ReceiptAnswer }) {
  const always = usePlace();
  const check = useMutation({
    mutationFn: async () => {
      const { key, earlier } = await ask("getLedgerPublicKey", {}, { always });
      // Only whoever checks one loads what reads the ledger's format.
      const { checkReceipt } = await import("./check-receipt.ts");
      return checkReceipt(receipt.tlog_proof, [key, ...earlier]);
    },
  });
  const { data: proven, error } = check;
  const isOther = proven !== undefined && Number(proven.entry.sequence) !== receipt.sequence;
  return (
    <>
      <Button onClick={() => check.mutate()} loading={check.isPending}>
        Check it here
      </Button>
      {error !== null && (
        <Alert color="red" role="alert" w="100%" title={titleOf(error)}>
          {error.message}
        </Alert>
      )}
      {isOther && (
        <Alert color="red" role="alert" w="100%" title="FAIL">
          It proves entry {String(proven.entry.sequence)}, and not {formatCount(receipt.sequence)}.
        </Alert>
      )}
      {proven !== undefined && !isOther && (
        <Alert color="toll" role="status" w="100%" title="PASS">
          Checked in this browser: the entry is number {formatCount(receipt.sequence)} of the{" "}
          {formatCount(proven.coveredBy)} that the ledger signed. The key came from this server; an auditor takes the
          one that was kept elsewhere.
        </Alert>
      )}
    </>
  );
}

function titleOf({ name }: Error): string {
  if (name === "LedgerFormatError") return "FAIL: it proves nothing";
  return name === "CannotCheckHere" ? "It cannot be checked here" : "It was not checked";
}
