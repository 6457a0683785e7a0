/**
 * Settings of the embedded server, given on its command line: stronger than postgresql.conf and ALTER SYSTEM, so nobody
 * turns durability off by accident, and a new release changes them without touching a file.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // What a COMMIT promises.
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  // A Unix socket only: the bundled OpenSSL is out of support and must never meet a network.
  listen_addresses: "",
  unix_socket_permissions: "0700",
  // Modest: one machine, shared with the gateway. About 60 to 90 MB in all when idle.
  shared_buffers: "64MB",
  // A process of ours takes up to 27; the tests run several on one server. One that is not used costs some kilobytes.
  max_connections: "120",
  work_mem: "8MB",
  maintenance_work_mem: "64MB",
  effective_cache_size: "512MB",
  huge_pages: "off",
  jit: "off",
  io_method: "sync",
  // Disk: the write-ahead log stays between these; a checkpoint spreads over its interval.
  min_wal_size: "64MB",
  max_wal_size: "512MB",
  checkpoint_timeout: "5min",
  // No replicas here, but archiving stays possible.
  wal_level: "replica",
  max_wal_senders: "0",
  max_replication_slots: "0",
  autovacuum: "on",
  // A query over years of monthly partitions locks each of them.
  max_locks_per_transaction: "256",
  // A backend left by a killed gateway must not keep its locks, so the server looks whether its client is still there.
  client_connection_check_interval: "2s",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  // Lines go to the launcher, which hands them to Tollhouse's own log.
  logging_collector: "off",
  log_destination: "stderr",
  log_line_prefix: "",
  log_checkpoints: "off",
  log_min_messages: "warning",
  // Values and statements stay out of logs: they may name users.
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
};

export function serverArguments(cluster: string, socketFolder: string, port: number): string[] {
  const own = { ...SETTINGS, port: String(port), unix_socket_directories: socketFolder };
  return ["-D", cluster, ...Object.entries(own).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** All that the server inherits: no provider keys, no PG* variables of the operator. */
export const SERVER_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
