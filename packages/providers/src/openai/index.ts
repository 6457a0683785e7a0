import type { ProviderAdapter } from "../adapter.ts";
import { assembler } from "./assemble.ts";
import { editRequest } from "./edit.ts";
import { inputTexts } from "./input-texts.ts";
import { OpenaiMeter } from "./meter.ts";
import { cutFrame, refusalBody, unbilled } from "./refusal.ts";
import { parseRequest } from "./request.ts";
import { route } from "./route.ts";
import { usageReport } from "./usage.ts";

/** OpenAI, Azure OpenAI and the hosts that speak OpenAI's wire format. */
export const openai: ProviderAdapter = {
  dialect: "openai",
  route,
  parseRequest,
  inputTexts: (_route, body) => inputTexts(body),
  editRequest,
  usageOf: (_route, facts, body, headers) => usageReport(facts, body, headers),
  meter: (at, facts, headers, hideUsage) => new OpenaiMeter(at, facts, headers, hideUsage),
  assembler,
  refusalBody,
  cutFrame,
  unbilled,
};
