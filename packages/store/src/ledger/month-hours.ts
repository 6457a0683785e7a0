// Months as roll-ups have them: UTC, each named by the whole hour since 1970 at which it begins.

const HOUR_MS = 3_600_000;

export function monthOfHour(hour: bigint): bigint {
  return monthFrom(hour, 0);
}

export function monthAfter(hour: bigint): bigint {
  return monthFrom(hour, 1);
}

function monthFrom(hour: bigint, months: number): bigint {
  const at = new Date(Number(hour) * HOUR_MS);
  return BigInt(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months) / HOUR_MS);
}
