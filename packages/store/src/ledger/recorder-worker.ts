import { parentPort, workerData } from "node:worker_threads";
import { RecorderLoop } from "./recorder-loop.ts";
import type { Drain, RecorderLoopOptions, RecorderProgress } from "./recorder-loop.ts";

/** From the worker to its owner. */
export type WorkerReport =
  | ({ readonly t: "progress" } & RecorderProgress)
  | { readonly t: "drained"; readonly id: number }
  | { readonly t: "trouble"; readonly message: string };

/** From the owner to the worker. */
export type WorkerOrder = "stop" | "go on" | Drain;

const port = parentPort;
if (!port) throw new Error("the recorder's worker runs in a worker thread only");

const report = (message: WorkerReport): void => port.postMessage(message);
const loop = new RecorderLoop(workerData as RecorderLoopOptions, {
  progress: (progress) => report({ t: "progress", ...progress }),
  drained: (id) => report({ t: "drained", id }),
  trouble: (message) => report({ t: "trouble", message }),
});
port.on("message", (order: WorkerOrder) => {
  if (order === "stop") loop.stop();
  else if (order === "go on") loop.goOn();
  else loop.drain(order);
});
try {
  await loop.run();
} finally {
  // The port keeps the thread alive; without it the thread ends, and its owner is told.
  port.close();
}
