import { Code } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { EmptyState } from "../../parts/empty-state.tsx";
import { DAYS_WORDS, SpendersPage } from "../users/spenders-page.tsx";

export function CustomersPage() {
  const { days = 30 } = useSearch({ from: "/customers" });
  const navigate = useNavigate({ from: "/customers" });
  return (
    <SpendersPage
      of="customer"
      days={days}
      onDays={(chosen) => void navigate({ search: (before) => ({ ...before, days: chosen }) })}
      empty={
        <EmptyState title={`No customer was seen ${DAYS_WORDS[days]}`}>
          A call names the customer it is for with the header <Code>x-tollhouse-customer: acme</Code>. What each spends
          is then counted for itself, and each can be limited, put on a plan or blocked.
        </EmptyState>
      }
    />
  );
}
