import { Group, NativeSelect, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { splitScope, type ScopeKind } from "./scope.tsx";

interface ScopeInputProps {
  readonly label: string;
  readonly kinds: readonly ScopeKind[];
  /** `org`, or `session:run-42`. */
  readonly value?: string;
  readonly onChange?: (scope: string) => void;
  readonly error?: ReactNode;
}

const EXAMPLES: Readonly<Record<ScopeKind, string>> = {
  org: "",
  session: "run-42",
  agent: "sdr-agent",
  feature: "search",
  service: "shop",
  user: "user-17",
  team: "growth",
  customer: "acme",
  key: "key_…",
  model: "gpt-4o-mini",
  provider: "openai",
};

/** What something is to apply to: a kind, and a name of that kind. */
export function ScopeInput({ label, kinds, value = "org", onChange, error }: ScopeInputProps) {
  const { kind, value: name } = splitScope(value);
  const change = (of: string, named: string): void => onChange?.(of === "org" ? of : `${of}:${named}`);
  return (
    <Group gap="sm" align="flex-start" wrap="nowrap">
      <NativeSelect
        label={label}
        value={kind}
        w={180}
        data={kinds.map((each) => ({ value: each, label: each === "org" ? "the whole organisation" : each }))}
        onChange={({ currentTarget }) => change(currentTarget.value, name)}
        {...(kind === "org" && { error })}
      />
      {kind !== "org" && (
        <TextInput
          label={`Which ${kind}`}
          flex={1}
          value={name}
          placeholder={EXAMPLES[kind as ScopeKind]}
          autoComplete="off"
          onChange={({ currentTarget }) => change(kind, currentTarget.value)}
          error={error}
        />
      )}
    </Group>
  );
}
