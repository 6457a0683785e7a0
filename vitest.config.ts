import { defineConfig } from "vitest/config";

/**
 * Two projects, told apart by name: `*.real.test.ts`, and everything under tests/, start real processes (PostgreSQL, Redis, the
 * built server, a browser) and run after the rest, so that a broken rule is seen within seconds. All others need no service.
 */
const REAL = ["**/*.real.test.ts", "tests/**/*.test.ts"];

export default defineConfig({
  resolve: { conditions: ["@tollhouse/source"] },
  // Not "import": vitest gives these to Node for every resolution, and a require() inside pg would then get ES modules.
  ssr: { resolve: { conditions: ["@tollhouse/source", "node", "default"] } },
  test: {
    execArgv: ["--conditions=@tollhouse/source"],
    // For a test that hangs: one that waits for a busy machine is not to be failed by it.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // As many as continuous integration has cores: three were slower, and made tests that race a provider's own pace a matter of luck.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: REAL,
          // They share nothing but what they import; loading that anew for each file took a third of their time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "real",
          include: ["{packages,apps}/*/src/**/*.real.test.ts", "scripts/**/*.real.test.ts", "tests/**/*.test.ts"],
          // As above: a fifth of the CPU of a file that starts a server.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
