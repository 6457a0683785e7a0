import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import type { ExportColumn } from "./export-columns.ts";
import { Exports, formatOf, type Take } from "./exports.ts";

interface Row {
  readonly n: number;
}
const columns: readonly ExportColumn<Row>[] = [{ name: "n", kind: "count", of: (row) => row.n }];
/** More than any buffer on the way to a reader holds. */
const PAGE: readonly Row[] = Array.from({ length: 10_000 }, (_, n) => ({ n }));

let app: FastifyInstance;
afterEach(() => app.close());

/** A server with one export, and how each time it was produced ended. */
async function serving(produce: (take: Take<Row>) => Promise<void>): Promise<{ url: string; ended: string[] }> {
  const exports = new Exports();
  const ended: string[] = [];
  app = fastify();
  app.get("/", (_, reply) =>
    exports.send<Row>(reply, { format: "csv", name: "rows", columns }, async (take) => {
      try {
        await produce(take);
        ended.push("done");
      } catch (error) {
        ended.push((error as Error).message);
        throw error;
      }
    }),
  );
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`, ended };
}

async function forever(take: Take<Row>): Promise<void> {
  for (;;) await take(PAGE);
}

/** A reader who looks at the head and reads nothing. */
function reader(url: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { agent: false }, resolve).on("error", reject);
  return promise;
}

test("a reader who leaves ends the reading, and makes room for the next", async () => {
  const { url, ended } = await serving(forever);
  for (let round = 1; round <= 5; round++) {
    const answer = await reader(url);
    expect(answer.statusCode).toBe(200);
    answer.destroy();
    await expect.poll(() => ended).toHaveLength(round);
  }
  expect(new Set(ended)).toEqual(new Set(["the reader of an export is gone"]));
});

test("a reader who reads slowly slows the reading: what was read ahead is bounded", async () => {
  let pages = 0;
  const { url } = await serving(async (take) => {
    for (;;) {
      await take(PAGE);
      pages++;
    }
  });
  const answer = await reader(url);
  let before = -1;
  await expect
    .poll(() => [before, (before = pages)], { interval: 100 })
    .toSatisfy(([earlier, now]: number[]) => earlier === now);
  expect(pages).toBeLessThan(1_000);
  answer.destroy();
});

test("of several readers at once only some are served; the others are told, not kept waiting", async () => {
  const { url } = await serving(forever);
  const answers: IncomingMessage[] = [];
  for (let n = 0; n < 4; n++) answers.push(await reader(url));
  // The control API answers a Problem with its own status; this bare server has but one for errors.
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 500]);
  expect(JSON.parse(await text(answers[3] as IncomingMessage))).toMatchObject({ code: "RATE_LIMITED" });
  for (const answer of answers) answer.destroy();
});

test("an error before the first row is an answer; after it, the file is visibly cut", async () => {
  const first = await serving(() => Promise.reject(new Error("no database")));
  expect((await fetch(first.url)).status).toBe(500);
  await app.close();
  const later = await serving(async (take) => {
    for (let n = 0; n < 20; n++) await take(PAGE);
    throw new Error("the database is gone");
  });
  const answer = await fetch(later.url);
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow();
});

test("an export without rows is a head", async () => {
  const { url } = await serving(() => Promise.resolve());
  expect(await (await fetch(url)).text()).toBe("n\r\n");
});

test.each([
  [undefined, undefined, "json"],
  [undefined, "text/html, */*;q=0.8", "json"],
  [undefined, "Text/CSV;q=0.9, application/json", "csv"],
  [undefined, "application/x-ndjson", "ndjson"],
  ["ndjson", "text/csv", "ndjson"],
] as const)("format %s and Accept %s give %s", (asked, accept, format) => {
  app = fastify();
  expect(formatOf(asked, accept)).toBe(format);
});
