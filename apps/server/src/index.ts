export { startTollhouse, type Tollhouse } from "./tollhouse.ts";
export { loadSettings, type Settings, type SettingsInput } from "./settings.ts";
export { loadNodes, type Nodes } from "./nodes/load-nodes.ts";
export { loadFollower, type Follower, type LoadFollowerParts } from "./configuration/load-follower.ts";
