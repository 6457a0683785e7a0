import { parseArgs } from "node:util";
import { startSimulator } from "./simulator.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    seed: { type: "string", default: "1" },
    "fault-rate": { type: "string", default: "0" },
    "tokens-per-second": { type: "string" },
    "chunk-tokens": { type: "string", default: "1" },
    bill: { type: "string" },
    "bill-lines": { type: "string", default: "1000000" },
  },
});

/** Stops the start with the setting's name. */
function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= least) return value;
  throw new RangeError(`--${name} ${text}: expected a number from ${String(least)} on`);
}

const speed = values["tokens-per-second"];
const simulator = await startSimulator({
  port: numberOf("port", values.port, 0),
  host: values.host,
  seed: numberOf("seed", values.seed, 0),
  faultRate: numberOf("fault-rate", values["fault-rate"], 0),
  tokensPerSecond: speed === undefined ? null : numberOf("tokens-per-second", speed, 1),
  chunkTokens: numberOf("chunk-tokens", values["chunk-tokens"], 1),
  billLinesMax: numberOf("bill-lines", values["bill-lines"], 0),
  ...(values.bill === undefined ? {} : { billFile: values.bill }),
});
process.stdout.write(`${JSON.stringify({ url: simulator.url, port: simulator.port, pid: process.pid })}\n`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    void simulator.close().then(() => process.exit(0));
  });
}
