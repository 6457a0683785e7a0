import { Code } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { EmptyState } from "../../parts/empty-state.tsx";
import { DAYS_WORDS, SpendersPage } from "./spenders-page.tsx";

export function UsersPage() {
  const { days = 30 } = useSearch({ from: "/users" });
  const navigate = useNavigate({ from: "/users" });
  return (
    <SpendersPage
      of="user"
      days={days}
      onDays={(chosen) => void navigate({ search: (before) => ({ ...before, days: chosen }) })}
      empty={
        <EmptyState title={`No user was seen ${DAYS_WORDS[days]}`}>
          A call names its user with the header <Code>x-tollhouse-user: user-17</Code>. What each spends is then counted
          for itself, and each can be limited, put on a plan or blocked.
        </EmptyState>
      }
    />
  );
}
