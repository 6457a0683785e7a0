import { Checkbox, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useChange } from "../../api/use-operation.ts";
import { useSession } from "../../api/session.ts";
import { ExpiryInput } from "../../parts/expiry-input.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { ScopeInput } from "../../parts/scope-input.tsx";
import type { ScopeKind } from "../../parts/scope.tsx";
import { ConfirmStop, type Hit, type StopAsked } from "./confirm-stop.tsx";

const KINDS: readonly ScopeKind[] = [
  "agent",
  "service",
  "feature",
  "user",
  "customer",
  "key",
  "model",
  "provider",
  "org",
];
const AN_HOUR = "3600";

/** Two steps: what is to be stopped; then who would be hit, and a last look. */
export function StopTraffic({ onClose }: { readonly onClose: () => void }) {
  const [hit, setHit] = useState<Hit | null>(null);
  const environments = useSession().data?.environments ?? [];
  const form = useForm<StopAsked>({
    initialValues: { scope: "agent:", reason: "", expires_in: AN_HOUR, everywhere: false },
    validate: { reason: (text) => (text.trim() === "" ? "expected a text that says why" : null) },
  });
  const here = useChange("previewKillSwitch", [], (preview) => setHit({ ...preview, environments: [] }));
  const everywhere = useChange("previewKillSwitchEverywhere", [], setHit);
  if (hit !== null) return <ConfirmStop asked={form.getValues()} hit={hit} onClose={onClose} />;
  const preview = form.values.everywhere ? everywhere : here;
  return (
    <FormModal
      title="Stop traffic"
      action="See who is hit"
      form={form}
      isBusy={preview.isPending}
      error={preview.error}
      onSubmit={({ scope }) => preview.mutate({ input: { body: { scope } } }, { onError: fieldProblems(form) })}
      onClose={onClose}
    >
      <ScopeInput label="Stop calls of" kinds={KINDS} {...form.getInputProps("scope")} />
      <TextInput
        label="Why"
        description="For your colleagues and the ledger. Who is stopped never sees it."
        {...form.getInputProps("reason")}
      />
      <ExpiryInput {...form.getInputProps("expires_in")} />
      {environments.length > 1 && (
        <Checkbox
          label={`In every environment (${environments.join(", ")})`}
          {...form.getInputProps("everywhere", { type: "checkbox" })}
        />
      )}
    </FormModal>
  );
}
