import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { time } from "./fields.ts";

const pico = z.record(z.string(), z.string()).meta({ description: "Pico-dollars a unit, by class of usage." });
const ratios = z.record(z.string(), z.string());

const price = z
  .strictObject({
    id: z.string(),
    provider: z.string(),
    model: z.string(),
    match: z.string(),
    unit: z.string(),
    prices: pico,
    bands: z.array(z.strictObject({ above_input_tokens: z.int(), prices: pico })),
    tiers: ratios,
    geo: ratios,
    context_window: z.int().nullable(),
    output_max: z.int().nullable(),
    valid_from: time.nullable(),
    valid_to: time.nullable(),
  })
  .meta({ id: "Price" });
export type PriceAnswer = z.infer<typeof price>;

export const listPrices = endpoint({
  operationId: "listPrices",
  method: "GET",
  path: "/api/v1/prices",
  tag: "prices",
  summary: "The price book in force; with provider and model, the row that a call would be rated with now.",
  query: z.strictObject({ provider: z.string().max(64).optional(), model: z.string().max(256).optional() }),
  status: 200,
  answer: z.strictObject({ version: z.string(), prices: z.array(price) }),
  errors: [],
  example: {
    query: { provider: "openai", model: "gpt-4o-mini" },
    answer: {
      version: "2026-11-20",
      prices: [
        {
          id: "openai/gpt-4o-mini",
          provider: "openai",
          model: "gpt-4o-mini",
          match: "exact",
          unit: "pico-dollars a unit",
          prices: { input: "150000", input_cache_read: "75000", output: "600000" },
          bands: [],
          tiers: {},
          geo: {},
          context_window: 128_000,
          output_max: 16_384,
          valid_from: null,
          valid_to: null,
        },
      ],
    },
  },
});
