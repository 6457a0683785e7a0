import type { Command } from "commander";
import type { ProviderKey, Tenant } from "@tollhouse/contract/control-client";
import { acting, type Run } from "../run.ts";
import { time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import { readSecret, type Terminal } from "../terminal/terminal.ts";

const TENANT_COLUMNS: readonly Column<Tenant>[] = [
  { head: "TENANT", cell: ({ name }) => name, cutTo: 16 },
  { head: "ENVIRONMENTS", cell: ({ environments }) => environments.join(", ") },
  { head: "SINCE", cell: ({ created_at }) => time(created_at), leaveOut: 1 },
  { head: "ID", cell: ({ id }) => id, leaveOut: 2 },
];

function tenantShown(run: Run, tenant: Tenant): void {
  run.show(tenant, () =>
    run.facts([
      ["tenant", tenant.name],
      ["id", tenant.id],
      ["environments", tenant.environments.join(", ")],
      ["since", time(tenant.created_at)],
    ]),
  );
}

export function tenantCommands(program: Command, terminal: Terminal): void {
  const tenants = program
    .command("tenants")
    .summary("who is served by this installation")
    .description("who is served by this installation (the admin key only)");
  tenants
    .command("list")
    .description("tenants by name")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listTenants", {});
        run.list(answer, answer.tenants, TENANT_COLUMNS, "No tenant.");
      }),
    );
  tenants
    .command("show <name>")
    .description("one tenant")
    .action(
      acting(terminal, async (run, name: string) =>
        tenantShown(run, await run.api.call("getTenant", { params: { name } })),
      ),
    );
  tenants
    .command("create <name>")
    .description("serve another one; its first key: `keys create … --tenant <name>`")
    .action(
      acting(terminal, async (run, name: string) =>
        tenantShown(run, await run.api.call("createTenant", { body: { name } })),
      ),
    );
  const environments = program
    .command("environments")
    .summary("dev, staging, prod, or others")
    .description("environments of a tenant: dev, staging, prod, or others");
  environments
    .command("list")
    .description("environments of the tenant")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.call("listEnvironments", {});
        const columns: Column<(typeof answer.environments)[number]>[] = [
          { head: "ENVIRONMENT", cell: ({ name }) => name },
          { head: "SINCE", cell: ({ created_at }) => time(created_at) },
        ];
        run.list(answer, answer.environments, columns, "No environment.");
      }),
    );
  environments
    .command("create <name>")
    .description("one more, in force at once")
    .action(
      acting(terminal, async (run, name: string) => {
        const made = await run.api.call("createEnvironment", { body: { name } });
        run.show(made, () => [`Made the environment ${made.name}`]);
      }),
    );
}

const PROVIDER_KEY_COLUMNS: readonly Column<ProviderKey>[] = [
  { head: "PROVIDER", cell: ({ provider }) => provider },
  { head: "ENVIRONMENT", cell: ({ environment }) => environment },
  { head: "STATE", cell: ({ state }) => state },
  { head: "ENDS IN", cell: ({ last_four }) => last_four ?? "–" },
  { head: "FOR", cell: ({ origin }) => origin, cutTo: 16 },
];

export function providerKeyCommands(program: Command, terminal: Terminal): void {
  const keys = program
    .command("provider-keys")
    .summary("the tenant's own keys for model providers")
    .description("the tenant's own credentials for model providers: they go in, and never come out");
  keys
    .command("list")
    .description("which providers have one")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.call("listProviderKeys", {});
        run.list(answer, answer.provider_keys, PROVIDER_KEY_COLUMNS, "None: calls use those of the installation.");
      }),
    );
  keys
    .command("show <provider>")
    .description("one of them, without its secret")
    .action(
      acting(terminal, async (run, provider: string) => {
        const key = await run.api.call("getProviderKey", { params: { provider } });
        run.list(key, [key], PROVIDER_KEY_COLUMNS, "");
      }),
    );
  keys
    .command("set <provider>")
    .description("set it: typed when asked, or on standard input")
    .action(
      acting(terminal, async (run, provider: string) => {
        const api_key = await readSecret(run.terminal, `Key for ${provider}`);
        const key = await run.api.call("setProviderKey", { params: { provider }, body: { api_key } });
        run.list(key, [key], PROVIDER_KEY_COLUMNS, "");
      }),
    );
  keys
    .command("delete <provider>")
    .description("delete it, for good and at once")
    .action(
      acting(terminal, async (run, provider: string) => {
        await run.confirm(`Delete the key for ${provider}?`);
        await run.api.call("deleteProviderKey", { params: { provider } });
        run.show({ deleted: provider }, () => [`Deleted the key for ${provider}`]);
      }),
    );
}
