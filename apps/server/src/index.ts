export { startTollhouse, type Tollhouse } from "./tollhouse.ts";
export { loadSettings, type Settings, type SettingsInput } from "./settings.ts";
export { loadNodes, type Nodes } from "./nodes/load-nodes.ts";
