import { z } from "zod";

/** What to do with configuration that names the user: refuse the erasure and list it, or remove it, each with an entry of its own. */
export const NAMING_CONFIGURATION = ["refuse", "remove"] as const;
export type NamingConfiguration = (typeof NAMING_CONFIGURATION)[number];

export const namingConfigurationSchema: z.ZodType<NamingConfiguration> = z
  .enum(NAMING_CONFIGURATION, { error: `expected one of ${NAMING_CONFIGURATION.join(", ")}` })
  .default("refuse");

/** `DELETE /api/v1/users/{id}`. */
export interface UserErased {
  /** false: there was nothing of such a user. */
  erased: boolean;
  /** Of the erasure's entry; null = none was needed. */
  sequence: number | null;
  /** Hex. */
  entry_hash: string | null;
  /** Configuration that named the user and is gone now. */
  removed: { kind: string; environment: string; id: string }[];
  /** What no erasure reaches, in words. */
  remains: string[];
}

/** `POST /api/v1/ledger/rotate-key`. */
export interface LedgerKeyRotated {
  /** Of the entry that both keys have signed. */
  sequence: number;
  /** Hex. */
  entry_hash: string;
  /** Id of the MAC key of every entry behind it, and of those up to it. */
  mac_key: number;
  previous_mac_key: number;
}
