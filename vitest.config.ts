import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@tollhouse/source"] },
  ssr: { resolve: { conditions: ["@tollhouse/source", "node", "import", "default"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "scripts/**/*.test.ts", "tests/**/*.test.ts"],
    execArgv: ["--conditions=@tollhouse/source"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
