const VERSION_MIN = 7;

/**
 * What INFO says against keeping counters there. Before version 7 scripts outlive a failover and a restart, so that lost writes could not
 * be recognised; a server that evicts forgets what was spent.
 */
export function refusalOf(info: string): { readonly refused: string | null; readonly master: boolean } {
  const fields = new Map(info.split(/\r?\n/).map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 1)]));
  const master = fields.get("role") !== "slave";
  const version = fields.get("redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= VERSION_MIN))
    return { refused: `its version is ${version}; expected Redis ${VERSION_MIN} or newer`, master };
  const policy = fields.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction")
    return { refused: `its maxmemory-policy is ${policy}; expected noeviction: counters must not be evicted`, master };
  return { refused: null, master };
}
