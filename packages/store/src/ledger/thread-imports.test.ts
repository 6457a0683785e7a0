import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

// A thread loads its modules anew: what it has no use for costs each start, and stays in memory as long as the thread does.

/** Packages that the module and all it imports bring into a process. */
function packagesOf(module: string): string[] {
  const told = execFileSync(
    process.execPath,
    [
      "--conditions=@tollhouse/source",
      "--input-type=module",
      "--eval",
      `import { registerHooks } from "node:module";
       const seen = new Set();
       registerHooks({
         load(url, context, next) {
           const name = /(?:node_modules|packages)\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
           if (name !== undefined) seen.add(name);
           return next(url, context);
         },
       });
       await import(${JSON.stringify(new URL(module, import.meta.url).href)});
       process.stdout.write(JSON.stringify([...seen]));`,
    ],
    { cwd: fileURLToPath(new URL(".", import.meta.url)), encoding: "utf8" },
  );
  return JSON.parse(told) as string[];
}

test.each(["./recorder-loop.ts", "./verify-store.ts"])(
  "%s, which runs in a thread, loads neither schemas nor policies",
  (module) => {
    const packages = packagesOf(module);
    expect(packages, "what it does load").toContain("ledger");
    expect(packages.filter((name) => name === "zod" || name.endsWith("/cel-js"))).toEqual([]);
  },
);
