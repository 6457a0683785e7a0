import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** The bytes as they came. */
  readonly body: string;
}

/** An OpenAI-compatible provider that answers one short completion and remembers every byte it was sent. */
export interface RecordingProvider {
  readonly url: string;
  readonly received: readonly ReceivedRequest[];
  close(): Promise<void>;
}

const ANSWER = JSON.stringify({
  id: "chatcmpl-recorded",
  object: "chat.completion",
  created: 1,
  model: "local-model",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
});

export async function startRecordingProvider(): Promise<RecordingProvider> {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const body = Buffer.concat(chunks).toString("latin1");
      received.push({ method: request.method ?? "", url: request.url ?? "", headers, body });
      response.writeHead(200, {
        "content-type": "application/json",
        "set-cookie": "tracker=1",
        "x-tollhouse-decision": "dec_forged",
        "x-provider-extra": "kept",
      });
      response.end(ANSWER);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
