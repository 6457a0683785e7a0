import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_TENANT, checkpointSigner, makeCheckpoint, openSpool, startRecorder } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { bucketTarget } from "./bucket-target.ts";
import { CheckpointPublisher, type PublishTarget } from "./checkpoint-publisher.ts";
import { webhookTarget } from "./webhook-target.ts";

const masterKey = Buffer.alloc(32, 9);
const signer = checkpointSigner({ masterKey, seeds: [] });
const tenant = DEFAULT_TENANT;
const secret = Buffer.alloc(32, 1);
const credentials = { accessKeyId: "AK", secretAccessKey: "a secret/key", region: "eu-central-1" };
const START = Date.UTC(2026, 10, 21, 6);

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let database: TestDatabase;
let receiver: Server;
let address: string;
let received: Received[];
/** Status that a path answers with; 200 where there is none. */
let answers: Map<string, number>;
let failures: string[];
let publisher: CheckpointPublisher;
let now: number;

beforeAll(async () => {
  database = await testDatabase();
  receiver = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => (body += part));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      received.push({ method, path, headers, body });
      response.writeHead(answers.get(path) ?? 200, { location: "/elsewhere" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await database.drop();
});
beforeEach(() => {
  [received, answers, failures, now] = [[], new Map(), [], START];
});
afterEach(() => publisher.close());

/** One more entry, and its signed checkpoint. */
async function grown(): Promise<{ readonly size: number; readonly note: string }> {
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  const spool = await openSpool({ dir });
  const recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => {} });
  const id = crypto.randomUUID().replaceAll("-", "");
  const change = { actor: "key_admin", action: "limit.create", subject: "lim_1", before: null, after: "{}" };
  await spool.append({ t: "admin", id, timeMs: START, tenant, environment: "prod", ...change });
  await recorder.drained();
  await recorder.stop();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
  const made = await makeCheckpoint({ db: database.db, signer, tenant, nowMs: START });
  if (made === null) throw new Error("the chain has not begun");
  return made;
}

function publishTo(...targets: PublishTarget[]): void {
  publisher = new CheckpointPublisher({
    dbOf: () => database.db,
    targets,
    tenants: () => [tenant],
    mine: () => true,
    failed: (target, _, error) => failures.push(`${target}: ${(error as Error).message}`),
    now: () => now,
  });
}

const webhook = (path = "/hook"): PublishTarget => webhookTarget(`${address}${path}`, secret, () => now);
const bucket = (): PublishTarget => bucketTarget(`${address}/audit/ledger`, credentials, () => now);

test("a webhook is signed over its id, time and body, and carries the note that was signed", async () => {
  const { size, note } = await grown();
  publishTo(webhook());
  await publisher.look();
  const [{ method, path, headers, body } = {} as Received] = received;
  expect([method, path, received.length]).toEqual(["POST", "/hook", 1]);
  const { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signature } = headers;
  expect([id, seconds]).toEqual([`msg_${tenant}_${size}`, String(START / 1000)]);
  const expected = createHmac("sha256", secret)
    .update(`${String(id)}.${String(seconds)}.${body}`)
    .digest("base64");
  expect(signature).toBe(`v1,${expected}`);
  expect(JSON.parse(body)).toMatchObject({ type: "ledger.checkpoint", data: { tenant, size, checkpoint: note } });
});

/** As a bucket checks it: from what came over the wire, and the secret that it knows. */
function isSignedByAws({ method, path, headers, body }: Received): boolean {
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const [, id, day, region, names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (id !== "AK" || region !== "eu-central-1" || headers["x-amz-content-sha256"] !== sha256(body)) return false;
  const lines = names.split(";").map((name) => `${name}:${String(headers[name])}`);
  const request = [method, path, "", ...lines, "", names, sha256(body)].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(request)].join("\n");
  let key: Buffer = Buffer.from("AWS4a secret/key");
  for (const part of [day, region, "s3", "aws4_request"])
    key = createHmac("sha256", key)
      .update(part ?? "")
      .digest();
  return names.includes("host") && createHmac("sha256", key).update(text).digest("hex") === signature;
}

test("a bucket gets an object for each checkpoint, and its own check of the signature passes", async () => {
  const { size, note } = await grown();
  publishTo(bucket());
  await publisher.look();
  const [object = {} as Received] = received;
  expect([object.method, object.path]).toEqual([
    "PUT",
    `/audit/ledger/${tenant}/${String(size).padStart(15, "0")}.checkpoint`,
  ]);
  expect(object.body).toBe(note);
  expect(isSignedByAws(object)).toBe(true);
  expect(isSignedByAws({ ...object, body: `${object.body} ` })).toBe(false);
  expect(isSignedByAws({ ...object, path: `${object.path}x` })).toBe(false);
});

test("what was taken is not sent again; what is new is, to every place", async () => {
  publishTo(webhook(), bucket());
  await publisher.look();
  await publisher.look();
  expect(received).toHaveLength(2);
  const { note } = await grown();
  await publisher.look();
  expect(received).toHaveLength(4);
  expect(received.slice(2).map(({ body }) => body === note || body.includes(JSON.stringify(note)))).toEqual([
    true,
    true,
  ]);
});

test("a place that was away gets the newest when it is back, later and later, and holds up no other", async () => {
  await grown();
  publishTo(webhook("/away"), webhook("/there"));
  const sentTo = (path: string): number => received.filter((each) => each.path === path).length;
  answers.set("/away", 503);
  for (const wait of [0, 4_999, 1, 9_999, 1]) {
    now += wait;
    await publisher.look();
  }
  // At once, after 5 s and after 10 s; the same reason is told once.
  expect([sentTo("/away"), sentTo("/there"), failures.length]).toEqual([3, 1, 1]);
  const { note } = await grown();
  answers.clear();
  await publisher.look();
  expect([sentTo("/away"), sentTo("/there")]).toEqual([3, 2]);
  now += 20_000;
  await publisher.look();
  expect([sentTo("/away"), sentTo("/there")]).toEqual([4, 2]);
  expect(JSON.parse(received.at(-1)?.body ?? "")).toMatchObject({ data: { checkpoint: note } });
});

test("a redirect is not followed, and a place where nobody answers is told as such", async () => {
  await grown();
  answers.set("/hook", 307);
  publishTo(
    webhook(),
    webhookTarget("http://127.0.0.1:1/none", secret, () => now),
  );
  await publisher.look();
  expect(received.map(({ path }) => path)).toEqual(["/hook"]);
  expect(failures.toSorted()).toEqual([
    expect.stringContaining("ECONNREFUSED") as string,
    expect.stringContaining("it answered 307") as string,
  ]);
});
