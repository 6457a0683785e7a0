import { Stack } from "@mantine/core";
import { Page } from "../../frame/page.tsx";
import { Checkpoints } from "./checkpoints.tsx";
import { ExportLedger } from "./export-ledger.tsx";
import { PublicKey } from "./public-key.tsx";
import { ReceiptOfCall } from "./receipt-of-call.tsx";
import { Verification } from "./verification.tsx";

export function LedgerPage() {
  return (
    <Page title="Ledger">
      <Stack gap="lg">
        <Verification />
        <ReceiptOfCall />
        <Checkpoints />
        <ExportLedger />
        <PublicKey />
      </Stack>
    </Page>
  );
}
