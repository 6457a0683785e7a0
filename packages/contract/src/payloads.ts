import { z } from "zod";

export const PAYLOAD_RETENTION_DAYS = { least: 1, most: 365, unset: 30 } as const;

/** `PUT /api/v1/payload-logging`: are texts of requests and answers that SDKs log kept, and for how long? */
export interface PayloadLogging {
  enabled: boolean;
  retention_days: number;
}

export interface PayloadLoggingAnswer extends PayloadLogging {
  environment: string;
  /** 0: never set. */
  version: number;
}

export const payloadLoggingSchema: z.ZodType<PayloadLogging> = z.strictObject({
  enabled: z.boolean({ error: "expected true or false" }),
  retention_days: z
    .number({ error: "expected a whole number of days" })
    .int({ error: "expected a whole number of days" })
    .min(PAYLOAD_RETENTION_DAYS.least, { error: `expected at least ${PAYLOAD_RETENTION_DAYS.least}` })
    .max(PAYLOAD_RETENTION_DAYS.most, { error: `expected at most ${PAYLOAD_RETENTION_DAYS.most}` })
    .default(PAYLOAD_RETENTION_DAYS.unset),
});
