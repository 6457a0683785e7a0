import { NativeSelect } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Session } from "../api/session.ts";
import type { Place } from "../app/place.ts";

/** Which environment all pages are about. */
export function PlacePicker({ session }: { readonly session: Session }) {
  const navigate = useNavigate();
  const { environment } = useSearch({ strict: false }) as Place;
  if (session.environments.length < 2 && environment === undefined) return null;
  const names = [...new Set([...session.environments, ...(environment === undefined ? [] : [environment])])];
  return (
    <NativeSelect
      aria-label="Environment"
      size="xs"
      value={environment ?? "prod"}
      data={names}
      onChange={({ currentTarget }) =>
        void navigate({ to: ".", search: (before) => ({ ...before, environment: currentTarget.value }) })
      }
    />
  );
}
