export const JSON_TYPE = "application/json";
export const SSE_TYPE = "text/event-stream; charset=utf-8";
