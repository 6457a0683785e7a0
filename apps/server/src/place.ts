/** Where everything belongs: nothing is found, counted or changed across two of them. */
export interface Place {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly environment: string;
}
