/** Records of one turn: one write, and one promise for those that may be refused and one for those that may not. */
export interface WriteBatch {
  readonly payloads: string[];
  readonly outcome: boolean[];
  bytes: number;
  /** Settles the records that may be refused, and the outcomes, which may not. */
  readonly refusable: PromiseWithResolvers<void>;
  readonly outcomes: PromiseWithResolvers<void>;
}

export function newBatch(): WriteBatch {
  const refusable = Promise.withResolvers<void>();
  // A caller that does not wait (a blocked call's record) must not end the process; `state` still says so.
  refusable.promise.catch(() => {});
  return { payloads: [], outcome: [], bytes: 0, refusable, outcomes: Promise.withResolvers<void>() };
}

export function settle(batch: WriteBatch): void {
  batch.refusable.resolve();
  batch.outcomes.resolve();
}
