import { NativeSelect } from "@mantine/core";
import type { ReactNode } from "react";

const HOUR = 3600;
const CHOICES: readonly { readonly seconds: number; readonly label: string }[] = [
  { seconds: HOUR / 4, label: "in 15 minutes" },
  { seconds: HOUR, label: "in an hour" },
  { seconds: 8 * HOUR, label: "in 8 hours" },
  { seconds: 24 * HOUR, label: "in a day" },
  { seconds: 7 * 24 * HOUR, label: "in a week" },
  { seconds: 30 * 24 * HOUR, label: "in 30 days" },
];

interface ExpiryInputProps {
  /** Seconds from now as a text; empty: until somebody lifts it. */
  readonly value?: string;
  readonly onChange?: (value: string) => void;
  readonly error?: ReactNode;
}

/** When something that stops calls ends by itself. */
export function ExpiryInput({ value = "", onChange, error }: ExpiryInputProps) {
  return (
    <NativeSelect
      label="It ends"
      value={value}
      onChange={({ currentTarget }) => onChange?.(currentTarget.value)}
      error={error}
      data={[
        ...CHOICES.map(({ seconds, label }) => ({ value: String(seconds), label })),
        { value: "", label: "when somebody lifts it" },
      ]}
    />
  );
}

/** For the body of the change. */
export function expiryOf(value: string): { readonly expires_in?: number } {
  return value === "" ? {} : { expires_in: Number(value) };
}
