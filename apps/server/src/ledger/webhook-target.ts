import { createHmac } from "node:crypto";
import type { PublishTarget } from "./checkpoint-publisher.ts";
import { sendOutside } from "./send-outside.ts";

/** Checkpoints as webhooks, signed as standardwebhooks.com has it; `secret`: the bytes behind `whsec_`. */
export function webhookTarget(url: string, secret: Uint8Array, now: () => number): PublishTarget {
  return {
    name: `webhook ${new URL(url).host}`,
    async publish({ tenant, size, root, note, madeMs }, signal) {
      const id = `msg_${tenant}_${size}`;
      const seconds = String(Math.floor(now() / 1000));
      const body = JSON.stringify({
        type: "ledger.checkpoint",
        timestamp: new Date(madeMs).toISOString(),
        data: { tenant, size, root: Buffer.from(root).toString("hex"), checkpoint: note },
      });
      const signature = createHmac("sha256", secret).update(`${id}.${seconds}.${body}`).digest("base64");
      const headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": `v1,${signature}`,
      };
      await sendOutside({ method: "POST", url: new URL(url), headers, body }, signal);
    },
  };
}
