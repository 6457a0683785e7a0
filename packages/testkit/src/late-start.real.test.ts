import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startChild, untilFound } from "./child-program.ts";
import { reportsTo, whatKeeps } from "./late-start.ts";
import { testDatabase } from "./test-database.ts";

test("a program that does not come up tells what it waits for, and what its database does", async () => {
  const folder = await mkdtemp(join(tmpdir(), "th-late-"));
  const database = await testDatabase({ migrated: false });
  const script = join(folder, "late.mjs");
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const waits = `import { connect } from "node:net";\nconnect(${port}, "127.0.0.1", () => process.stdout.write("begun"));\n`;
  await writeFile(script, waits);
  const program = startChild({ script, flags: reportsTo(folder) });
  try {
    await untilFound(program, () => (program.stdout() === "begun" ? true : null), "its word", 30_000);
    const told = await whatKeeps(program, folder, database.url);
    expect(told).toContain(`"port":${port}`);
    expect(told).toContain('"wait_event":"ClientRead"');
  } finally {
    await program.kill("SIGKILL");
    silent.close();
    await database.drop();
    await rm(folder, { recursive: true });
  }
}, 120_000);
