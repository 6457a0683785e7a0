import { Checkbox, List, Stack, Text } from "@mantine/core";
import type { UserErased } from "@tollhouse/contract/control-client";
import { useState } from "react";
import { Dialog } from "../../parts/dialog.tsx";
import { useChange } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";

interface EraseUserProps {
  readonly user: string;
  readonly onClose: () => void;
}

/** Forgets a user for good; the ledger goes on to verify. */
export function EraseUser({ user, onClose }: EraseUserProps) {
  const [isRemoving, setIsRemoving] = useState(false);
  const [erased, setErased] = useState<UserErased | null>(null);
  const erase = useChange(
    "eraseUser",
    ["getUsage", "getUserSummary", "listBlocks", "listLimits", "listPolicies", "listKeys"],
    setErased,
  );
  if (erased !== null) return <Erased user={user} erased={erased} onClose={onClose} />;
  return (
    <Confirm
      title={`Erase ${user}?`}
      action="Erase for good"
      typed={user}
      isBusy={erase.isPending}
      error={erase.error}
      onConfirm={() =>
        erase.mutate({ input: { params: { id: user }, query: { configuration: isRemoving ? "remove" : "refuse" } } })
      }
      onClose={onClose}
    >
      <Stack gap="sm">
        <div>
          Who this user was is forgotten, in every environment: its readable id, and the texts that were kept of its
          calls. What it spent stays, under a name that leads to nobody, and the ledger goes on to verify. This cannot
          be taken back.
        </div>
        <Checkbox
          label="Remove limits, policies, blocks, keys and a plan that name this user too"
          description="Without it nothing is erased while there is one"
          checked={isRemoving}
          onChange={({ currentTarget }) => setIsRemoving(currentTarget.checked)}
        />
      </Stack>
    </Confirm>
  );
}

interface ErasedProps extends EraseUserProps {
  readonly erased: UserErased;
}

function Erased({ user, erased: { erased, sequence, removed, remains }, onClose }: ErasedProps) {
  return (
    <Dialog onClose={onClose} title={`User ${user}`}>
      <Stack gap="sm">
        <Text size="sm">
          {erased
            ? `Erased: entry ${sequence ?? "?"} of the ledger says so.`
            : "Nobody of this id was known: there was nothing to erase."}
        </Text>
        {removed.length > 0 && (
          <Text component="div" size="sm">
            Removed too:
            <List size="sm">
              {removed.map(({ kind, environment, id }) => (
                <List.Item key={`${kind} ${environment} ${id}`}>
                  {kind.replaceAll("_", " ")} {id} in {environment}
                </List.Item>
              ))}
            </List>
          </Text>
        )}
        {remains.length > 0 && (
          <Text component="div" size="sm">
            What remains elsewhere:
            <List size="sm">
              {remains.map((what) => (
                <List.Item key={what}>{what}</List.Item>
              ))}
            </List>
          </Text>
        )}
      </Stack>
    </Dialog>
  );
}
