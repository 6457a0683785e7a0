import type { Limit } from "@tollhouse/contract/control-client";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { formatLimit } from "../../parts/limit-words.ts";
import { Scope } from "../../parts/scope.tsx";

export function DeleteLimit({ limit, onClose }: { readonly limit: Limit; readonly onClose: () => void }) {
  const { id, version, scope } = limit;
  const remove = useChange("deleteLimit", ["listLimits", "getSummary", "getUserSummary"], onClose);
  return (
    <Confirm
      title="Delete this limit?"
      action="Delete"
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ input: { params: { id } }, version })}
      onClose={onClose}
    >
      <Scope scope={scope} /> would no longer be held to {formatLimit(limit)}.{" "}
      {scope.startsWith("session:")
        ? "The default budget of a session takes its place, and counts what the session has spent."
        : "Other limits that a call falls under stay as they are."}
    </Confirm>
  );
}
