import { ActionIcon, Button, Group, Menu, Popover, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import type { SavedView } from "@tollhouse/contract/control-client";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useChange, useOperation } from "../../api/use-operation.ts";
import { fieldProblems, namesFieldOf } from "../../parts/form-modal.tsx";
import { ProblemAlert } from "../../parts/problem-alert.tsx";
import type { ExploreSearch } from "./route.ts";
import { readSearch, writeSearch } from "./view-search.ts";

/** The viewer's own questions: to go back to, to keep, to keep no longer. */
export function SavedViews({ search }: { readonly search: ExploreSearch }) {
  const { data } = useOperation("listViews", {});
  const navigate = useNavigate();
  const views = (data?.views ?? []).filter(({ page }) => page === "explore");
  return (
    <Group gap="xs">
      <Menu position="bottom-end" width={280}>
        <Menu.Target>
          <Button variant="default" size="sm" disabled={views.length === 0}>
            Saved views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {views.map((view) => (
            <Menu.Item
              key={view.name}
              rightSection={<Forget view={view} />}
              onClick={() => void navigate({ to: "/explore", search: readSearch(view.search) })}
            >
              {view.name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <KeepView search={search} />
    </Group>
  );
}

function Forget({ view: { name } }: { readonly view: SavedView }) {
  const remove = useChange("deleteView", ["listViews"]);
  return (
    <ActionIcon
      component="span"
      size="sm"
      variant="subtle"
      color="gray"
      aria-label={`Remove the view ${name}`}
      onClick={(event) => {
        event.stopPropagation();
        remove.mutate({ input: { params: { name } } });
      }}
    >
      ×
    </ActionIcon>
  );
}

function KeepView({ search }: { readonly search: ExploreSearch }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Popover opened={isOpen} onChange={setIsOpen} trapFocus width={280} position="bottom-end">
      <Popover.Target>
        <Button variant="default" size="sm" onClick={() => setIsOpen(!isOpen)}>
          Save this view
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Save this view">
        <NameView search={search} onDone={() => setIsOpen(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

function NameView({ search, onDone }: { readonly search: ExploreSearch; readonly onDone: () => void }) {
  const form = useForm({ initialValues: { name: "" } });
  const keep = useChange("putView", ["listViews"], onDone);
  return (
    <form
      onSubmit={form.onSubmit(({ name }) =>
        keep.mutate(
          { input: { params: { name }, body: { page: "explore", search: writeSearch(search) } } },
          { onError: fieldProblems(form) },
        ),
      )}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="You find it under Saved views; nobody else sees it"
          data-autofocus
          required
          {...form.getInputProps("name")}
        />
        {!namesFieldOf(form, keep.error) && <ProblemAlert error={keep.error} />}
        <Button type="submit" size="sm" loading={keep.isPending}>
          Save
        </Button>
      </Stack>
    </form>
  );
}
