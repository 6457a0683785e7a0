import { Code, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import type { Session } from "@tollhouse/contract/control-client";
import { useChange, type Touches } from "../../api/use-operation.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { ExpiryInput, expiryOf } from "../../parts/expiry-input.tsx";
import { fieldProblems, FormModal } from "../../parts/form-modal.tsx";
import { endedWords } from "../kill-switch/ended-words.ts";

/** A reset starts the default budget anew, and no other: whoever has none is refused. */
export function hasDefault({ budgets }: Pick<Session, "budgets">): boolean {
  return budgets.some((budget) => budget.default);
}

export type SessionActionName = "freeze" | "unfreeze" | "reset";

interface ActionProps {
  readonly session: string;
  readonly onClose: () => void;
}

const AN_HOUR = "3600";
const TOUCHES: Touches = ["listSessions", "getSession", "getStats"];

export function SessionAction({ asked, ...props }: ActionProps & { readonly asked: SessionActionName }) {
  if (asked === "freeze") return <Freeze {...props} />;
  return asked === "unfreeze" ? <Unfreeze {...props} /> : <Reset {...props} />;
}

function Freeze({ session, onClose }: ActionProps) {
  const form = useForm({ initialValues: { reason: "", expires_in: AN_HOUR } });
  const freeze = useChange("freezeSession", TOUCHES, ({ ended_calls }) => {
    notifications.show({ message: `Froze ${session}. ${endedWords(ended_calls)}` });
    onClose();
  });
  return (
    <FormModal
      title={`Freeze ${session}`}
      action="Freeze"
      form={form}
      isBusy={freeze.isPending}
      error={freeze.error}
      onSubmit={({ reason, expires_in }) => {
        const body = { ...(reason.trim() !== "" && { reason }), ...expiryOf(expires_in) };
        freeze.mutate({ input: { params: { id: session }, body } }, { onError: fieldProblems(form) });
      }}
      onClose={onClose}
    >
      <TextInput
        label="Why"
        description="New calls of the session are refused, and those that are running are ended. Its client never sees why."
        data-autofocus
        {...form.getInputProps("reason")}
      />
      <ExpiryInput {...form.getInputProps("expires_in")} />
    </FormModal>
  );
}

function Unfreeze({ session, onClose }: ActionProps) {
  const unfreeze = useChange("unfreezeSession", TOUCHES, onClose);
  return (
    <Confirm
      title={`Unfreeze ${session}?`}
      action="Unfreeze"
      isBusy={unfreeze.isPending}
      error={unfreeze.error}
      onConfirm={() => unfreeze.mutate({ input: { params: { id: session } } })}
      onClose={onClose}
    >
      Calls of <Code>{session}</Code> go through again at once, as far as its budget lets them.
    </Confirm>
  );
}

function Reset({ session, onClose }: ActionProps) {
  const reset = useChange("resetSession", TOUCHES, onClose);
  return (
    <Confirm
      title={`Reset the budget of ${session}?`}
      action="Reset"
      isBusy={reset.isPending}
      error={reset.error}
      onConfirm={() => reset.mutate({ input: { params: { id: session } } })}
      onClose={onClose}
    >
      The default budget of <Code>{session}</Code> starts anew: it may spend the whole of it once more. What it has
      spent stays in the ledger and in every report, and an entry says who reset it. Limits that somebody made for this
      session are not touched, nor those of its user, team or organisation.
    </Confirm>
  );
}
