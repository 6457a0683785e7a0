export { faultProxy, type FaultProxy, type NetworkFault } from "./fault-proxy.ts";
export { startChild, type ChildEnd, type ChildProgram, type ChildProgramOptions } from "./child-program.ts";
export { testDatabase, type TestDatabase } from "./test-database.ts";
export { simulatorProcess, type BilledCall, type SimulatorProcess } from "./simulator-process.ts";
export { tollhouseProcess, type TollhouseProcess, type TollhouseProcessOptions } from "./tollhouse-process.ts";
export {
  startedRedis,
  startedRedisCluster,
  startedSentinel,
  type RedisOptions,
  type StartedRedis,
  type StartedRedisCluster,
} from "./started-redis.ts";
export { startedCluster, type ClusterOptions, type StartedCluster } from "./started-cluster.ts";
export { testCertificate, type TestCertificate } from "./test-certificate.ts";
export { startedWitness, type StartedWitness } from "./started-witness.ts";
