import type { IncomingMessage, ServerResponse } from "node:http";
import { AnswerText } from "./answer-text.ts";
import { answerOf } from "./answers.ts";
import { Bill, type OpenCall } from "./bill.ts";
import {
  type Answer,
  type Call,
  classesAfter,
  type RefusedAnswer,
  type Route,
  type StreamAnswer,
  tokensOf,
  type WholeAnswer,
} from "./call.ts";
import { FaultPlan } from "./fault-plan.ts";
import type { Fault } from "./fault.ts";
import { FieldError, type Fields, isFields, textOf } from "./fields.ts";
import { answerModels } from "./models-list.ts";
import { type Model, Models } from "./model.ts";
import { readForm } from "./multipart.ts";
import { openaiNoStreamOptions } from "./openai/openai-error.ts";
import { type ProviderVoice, VOICES } from "./provider-voice.ts";
import { Random } from "./random.ts";
import { readSteering, type Steering, UNSTEERED } from "./steering.ts";
import { StreamPlayer } from "./stream-player.ts";
import { sendWhole } from "./whole-sender.ts";

export interface ExchangeSettings {
  readonly seed: number;
  readonly tokensPerSecond: number | null;
  readonly chunkTokens: number;
}

/** What is known of a call before its body is understood; filled in as it is. */
interface Attempt {
  readonly route: Route;
  readonly voice: ProviderVoice;
  readonly sequence: number;
  readonly idTail: string;
  readonly requestId: string;
  readonly credential: string | null;
  modelName: string;
  model: Model | null;
  streamed: boolean;
  steering: Steering;
  fault: Fault | null;
  tier: string | null;
}

/** First second of every seeded clock: answers carry times that no clock gave. */
const CREATED_FROM = 1_795_000_000;

/** Answers provider calls: from a read request to the last byte and the line on the bill. */
export class Exchange {
  readonly bill: Bill;
  readonly faults: FaultPlan;
  private readonly models: Models;
  private readonly settings: ExchangeSettings;
  private readonly text: AnswerText;
  private readonly idSeed: string;
  private sequence = 0;

  constructor(settings: ExchangeSettings, models: Models, bill: Bill, faults: FaultPlan) {
    this.settings = settings;
    this.models = models;
    this.bill = bill;
    this.faults = faults;
    this.text = new AnswerText(settings.seed);
    this.idSeed = new Random(settings.seed, "ids").next().toString(36).padStart(7, "0");
  }

  /** `route` null: no provider has this path. */
  handle(route: Route | null, request: IncomingMessage, response: ServerResponse, raw: Buffer): void {
    const provider = route?.provider ?? "openai";
    const voice = VOICES[provider];
    const sequence = ++this.sequence;
    const idTail = this.idSeed + sequence.toString(36).padStart(7, "0");
    const requestId = `req_${idTail}`;
    if (route === null || route.method !== request.method) {
      this.refuse(response, voice, requestId, voice.noPath(request.method ?? "GET", request.url ?? "/", requestId));
      return;
    }
    const credential = voice.credential(request.headers, route);
    if (route.endpoint === "models") {
      this.listModels(route, voice, idTail, credential, response);
      return;
    }
    const attempt: Attempt = {
      route,
      voice,
      sequence,
      idTail,
      requestId,
      credential,
      modelName: route.model ?? "",
      model: null,
      streamed: route.stream,
      steering: UNSTEERED,
      fault: null,
      tier: null,
    };
    this.send(attempt, this.answer(attempt, request, raw), response);
  }

  private listModels(
    route: Route,
    voice: ProviderVoice,
    idTail: string,
    credential: string | null,
    response: ServerResponse,
  ): void {
    const requestId = `req_${idTail}`;
    const one = route.model === null ? null : this.models.find(route.model, route.provider);
    if (credential === null) this.refuse(response, voice, requestId, voice.missingKey(requestId));
    else if (route.model !== null && one === null) {
      this.refuse(response, voice, requestId, voice.noModel(route.model, requestId));
    } else {
      const answer = answerModels({ idTail }, route.provider, this.models.list(route.provider), one);
      response.writeHead(200, this.head(voice, requestId, answer));
      response.end(answer.body);
    }
  }

  private answer(attempt: Attempt, request: IncomingMessage, raw: Buffer): Answer {
    const { voice, requestId } = attempt;
    if (attempt.credential === null) return voice.missingKey(requestId);
    try {
      return this.understood(attempt, request, raw);
    } catch (error) {
      if (error instanceof FieldError) return voice.badField(error, requestId);
      throw error;
    }
  }

  private understood(attempt: Attempt, request: IncomingMessage, raw: Buffer): Answer {
    const { route, voice, requestId } = attempt;
    if (route.provider === "anthropic" && request.headers["anthropic-version"] === undefined) {
      throw new FieldError("anthropic-version", "anthropic-version: header is required");
    }
    const { fields: body, file } = readBody(request, raw);
    attempt.steering = readSteering(body);
    attempt.modelName = route.model ?? textOf(body["model"]) ?? "";
    if (attempt.modelName === "") throw new FieldError("model", "you must provide a model parameter");
    attempt.streamed = route.stream || (route.provider !== "gemini" && body["stream"] === true);
    const model = this.find(attempt);
    attempt.fault = this.faultOf(attempt, model);
    if (model === null) return voice.noModel(attempt.modelName, requestId);
    attempt.model = model;
    attempt.tier = attempt.steering.tier ?? voice.tier(body);
    return this.faulty(attempt, body) ?? answerOf(this.call(attempt, model, request, body, file));
  }

  private find(attempt: Attempt): Model | null {
    const { route, modelName } = attempt;
    return route.azure ? this.models.ofDeployment(modelName) : this.models.find(modelName, route.provider);
  }

  private faultOf(attempt: Attempt, model: Model | null): Fault | null {
    const { steering, route, sequence } = attempt;
    const names = { callId: steering.callId, tag: steering.tag, model: model?.name ?? attempt.modelName };
    const target = { ...names, endpoint: route.endpoint, provider: route.provider, sequence };
    return this.faults.of(target, steering.fault);
  }

  /** Faults that take the place of an answer. */
  private faulty(attempt: Attempt, body: Fields): RefusedAnswer | null {
    const { fault, voice, requestId, route } = attempt;
    if (fault?.kind === "error_status") return voice.status(fault.status, attempt.modelName, requestId);
    if (fault?.kind === "error_mid_stream" && !attempt.streamed) return voice.status(500, attempt.modelName, requestId);
    const refuses = fault?.kind === "refuse_stream_options" && route.provider === "openai";
    return refuses && body["stream_options"] !== undefined ? openaiNoStreamOptions() : null;
  }

  private call(attempt: Attempt, model: Model, request: IncomingMessage, body: Fields, file: Buffer | null): Call {
    const { route, steering, fault, streamed, sequence, idTail } = attempt;
    const { seed, chunkTokens } = this.settings;
    return {
      route,
      body,
      file,
      headers: request.headers,
      model,
      streamed,
      steering,
      fault,
      random: new Random(seed, steering.callId ?? sequence),
      text: this.text,
      chunkTokens,
      tier: attempt.tier ?? "default",
      sequence,
      idTail,
      created: CREATED_FROM + sequence,
    };
  }

  private send(attempt: Attempt, answer: Answer, response: ServerResponse): void {
    const { route, steering, sequence, requestId } = attempt;
    const open: OpenCall = {
      callId: steering.callId ?? `sim_${String(sequence)}`,
      responseId: answer.kind === "refused" ? requestId : answer.responseId,
      provider: route.provider,
      model: attempt.model,
      modelName: attempt.modelName,
      endpoint: route.endpoint,
      streamed: attempt.streamed,
      tier: attempt.tier,
      tag: steering.tag,
      credential: attempt.credential,
    };
    if (answer.kind === "refused") {
      this.bill.start(open, {});
      this.bill.end(open, answer.status, {}, "error");
      this.refuse(response, attempt.voice, requestId, answer);
    } else this.play(attempt, open, answer, response);
  }

  private play(attempt: Attempt, open: OpenCall, answer: WholeAnswer | StreamAnswer, response: ServerResponse): void {
    const { steering, fault } = attempt;
    const head = this.head(attempt.voice, attempt.requestId, answer);
    const tokensPerSecond = steering.tokensPerSecond ?? this.settings.tokensPerSecond;
    const pace = { tokensPerSecond, fault, delayMs: steering.delayMs };
    this.bill.start(open, answer.input);
    const onEnd = (finished: "complete" | "aborted" | "cut" | "error", generated: number): void => {
      const classes =
        finished === "complete"
          ? classesAfter(answer.input, answer.billed, tokensOf(answer.billed))
          : classesAfter(answer.input, answer.output, generated);
      this.bill.end(open, 200, classes, finished);
    };
    if (answer.kind === "whole") sendWhole(answer, response, pace, head, onEnd);
    else new StreamPlayer(answer, response, pace, onEnd).play(head);
  }

  private head(voice: ProviderVoice, requestId: string, answer: WholeAnswer | StreamAnswer): string[] {
    const { contentType, headers } = answer;
    return ["content-type", contentType, voice.requestIdHeader, requestId, ...voice.headers, ...headers];
  }

  private refuse(response: ServerResponse, voice: ProviderVoice, requestId: string, answer: RefusedAnswer): void {
    const length = String(Buffer.byteLength(answer.body));
    const head = ["content-type", "application/json", "content-length", length, voice.requestIdHeader, requestId];
    response.writeHead(answer.status, [...head, ...voice.headers, ...answer.headers]);
    response.end(answer.body);
  }
}

function readBody(request: IncomingMessage, raw: Buffer): { readonly fields: Fields; readonly file: Buffer | null } {
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("multipart/form-data")) return readForm(raw, type);
  let parsed: unknown;
  try {
    parsed = JSON.parse(raw.toString("utf8"));
  } catch {
    throw new FieldError("body", "We could not parse the JSON body of your request: expected a JSON object.");
  }
  if (!isFields(parsed))
    throw new FieldError("body", "We could not parse the JSON body of your request: expected a JSON object.");
  return { fields: parsed, file: null };
}
