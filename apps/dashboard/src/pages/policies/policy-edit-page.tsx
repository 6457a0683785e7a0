import type { PolicyDocument } from "@tollhouse/contract/control-client";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useChange, useOperation, type Touches } from "../../api/use-operation.ts";
import { Page } from "../../frame/page.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import { PolicyEditor } from "./policy-editor.tsx";
import { documentOf } from "./policy-text.ts";

const TOUCHES: Touches = ["listPolicies", "getPolicy", "listPolicyVersions"];

/** It only observes until somebody has looked at what it would do. */
const START: PolicyDocument = {
  name: "cheap models for everybody",
  attach: "default",
  priority: 0,
  mode: "observe",
  models: { allow: ["gpt-4o-mini", "claude-haiku-*"] },
  limits: [{ scope: "user", measure: "usd", amount: "5.00", window: "day", mode: "hard" }],
};

export function NewPolicyPage() {
  const navigate = useNavigate();
  const create = useChange("createPolicy", TOUCHES, ({ id }) => {
    void navigate({ to: "/policies/$policy", params: { policy: id } });
  });
  return (
    <Page title="Write a policy">
      <PolicyEditor
        start={START}
        action="Create"
        isBusy={create.isPending}
        error={create.error}
        onSave={(body) => create.mutate({ input: { body } })}
      />
    </Page>
  );
}

export function EditPolicyPage() {
  const { policy: id } = useParams({ from: "/policies/$policy/edit" });
  const navigate = useNavigate();
  const { data, error } = useOperation("getPolicy", { params: { id } });
  const update = useChange("updatePolicy", TOUCHES, () => {
    void navigate({ to: "/policies/$policy", params: { policy: id } });
  });
  return (
    <Page title={data === undefined ? "Edit a policy" : `Edit ${data.name}`}>
      <ProblemAlert error={error} />
      {data !== undefined && (
        <PolicyEditor
          key={id}
          start={documentOf(data)}
          replaces={id}
          action="Save"
          isBusy={update.isPending}
          error={update.error}
          // What was read, not what it may have become meanwhile: what somebody else wrote is not overwritten.
          version={data.version}
          onSave={(body, version) =>
            update.mutate({ input: { params: { id }, body }, ...(version !== undefined && { version }) })
          }
        />
      )}
    </Page>
  );
}
