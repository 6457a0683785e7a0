import type { Answer, Call } from "./call.ts";
import { answerCountTokens, answerMessages } from "./anthropic/messages.ts";
import { answerBatchEmbed, answerEmbed, answerGeminiCount } from "./gemini/embed-content.ts";
import { answerGenerate } from "./gemini/generate-content.ts";
import { answerChat } from "./openai/chat.ts";
import { answerCompletions } from "./openai/completions.ts";
import { answerEmbeddings } from "./openai/embeddings.ts";
import { answerImages } from "./openai/images.ts";
import { answerModerations } from "./openai/moderations.ts";
import { answerResponses } from "./openai/responses.ts";
import { answerSpeech } from "./openai/speech.ts";
import { answerTranscription } from "./openai/transcriptions.ts";

/** The one place that knows which surface answers which endpoint. Throws a FieldError for what the provider refuses. */
export function answerOf(call: Call): Answer {
  switch (call.route.endpoint) {
    case "chat_completions":
      return answerChat(call);
    case "completions":
      return answerCompletions(call);
    case "embeddings":
      return answerEmbeddings(call);
    case "responses":
      return answerResponses(call);
    case "moderations":
      return answerModerations(call);
    case "images_generations":
      return answerImages(call);
    case "audio_speech":
      return answerSpeech(call);
    case "audio_transcriptions":
    case "audio_translations":
      return answerTranscription(call);
    case "messages":
      return answerMessages(call);
    case "count_tokens":
      return call.route.provider === "gemini" ? answerGeminiCount(call) : answerCountTokens(call);
    case "generate_content":
      return answerGenerate(call);
    case "embed_content":
      return answerEmbed(call);
    case "batch_embed_contents":
      return answerBatchEmbed(call);
    case "models":
      throw new TypeError("models: expected to be answered without a body");
  }
}
