import { Alert, Button, Group, Stack } from "@mantine/core";
import type { KeyMade } from "@tollhouse/contract/control-client";
import { Dialog } from "../../parts/dialog.tsx";
import { Copyable } from "../../parts/copyable.tsx";
import { Moment } from "../../parts/moment.tsx";
import { UseKey } from "./use-key.tsx";

/** The one look at a secret that there is. Escape and a click beside do not end it: nobody gets a second one. */
export function KeySecret({ made, onClose }: { readonly made: KeyMade; readonly onClose: () => void }) {
  return (
    <Dialog onClose={onClose} title={`Key ${made.name}`} size="lg" closesByButton>
      <Stack>
        <Alert variant="light">
          Keep it now: only its hash is stored, and it is not shown again.
          {made.previous_valid_until !== null && (
            <>
              {" "}
              The one before is valid until <Moment at={made.previous_valid_until} />.
            </>
          )}
        </Alert>
        <Copyable label="The key" text={made.key} />
        {made.permissions.includes("call") && <UseKey secret={made.key} />}
        <Group justify="flex-end">
          <Button onClick={onClose}>I have kept it</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
