import type { Answer, Input, OperationId } from "@tollhouse/contract/control-client";
import {
  infiniteQueryOptions,
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type UseQueryResult,
} from "@tanstack/react-query";
import { usePlace } from "../app/place.ts";
import { ask } from "./control-api.ts";

/** Operations whose answers a change makes old: all that were asked by these names are asked again. */
export type Touches = readonly OperationId[];

interface Asked<O extends OperationId> {
  readonly enabled?: boolean;
  /** Asked again so often: for what no event of the server tells. */
  readonly refetchInterval?: number;
  /** No more once this is true of the answer. */
  readonly until?: (answer: Answer<O>) => boolean;
}

/** What an operation answers at the place (tenant, environment) that the viewer chose. `enabled: false`: not asked yet. */
export function useOperation<O extends OperationId>(
  operation: O,
  input: Input<O>,
  { refetchInterval, until, ...options }: Asked<O> = {},
): UseQueryResult<Answer<O>> {
  const always = usePlace();
  return useQuery<Answer<O>>({
    queryKey: [operation, always, input],
    queryFn: ({ signal }) => ask(operation, input, { always, signal }),
    // Of the same question with other words (another page, another day): better than nothing until the new answer is there.
    placeholderData: keepPreviousData as never,
    ...(refetchInterval !== undefined && {
      refetchInterval: ({ state: { data } }) =>
        data !== undefined && until?.(data) === true ? false : refetchInterval,
    }),
    ...options,
  });
}

interface Paged {
  readonly next_cursor: string | number | null;
}

/** A list by keyset pages: `rows` of all pages so far, and `more` to ask for the next one. */
export function usePages<O extends OperationId, Row>(
  operation: O,
  input: Input<O>,
  rowsOf: (page: Answer<O>) => readonly Row[],
) {
  const always = usePlace();
  const pages = useInfiniteQuery(
    infiniteQueryOptions({
      queryKey: [operation, always, input, "pages"],
      queryFn: ({ pageParam, signal }) => {
        const { query } = input as { query?: object };
        const paged = pageParam === null ? input : { ...input, query: { ...query, cursor: pageParam } };
        return ask(operation, paged as Input<O>, { always, signal });
      },
      initialPageParam: null as string | number | null,
      getNextPageParam: (page) => (page as Paged).next_cursor,
    }),
  );
  return {
    /** As it was answered: what it says beside its rows. */
    first: pages.data?.pages[0],
    rows: (pages.data?.pages ?? []).flatMap((page) => rowsOf(page)),
    error: pages.error,
    isPending: pages.isPending,
    more: pages.hasNextPage ? () => void pages.fetchNextPage() : null,
    isLoadingMore: pages.isFetchingNextPage,
  };
}

export interface Change<O extends OperationId> {
  readonly input: Input<O>;
  /** Only if it is still this version. */
  readonly version?: number;
}

/** A change; when it is made, what it touches is asked again. */
export function useChange<O extends OperationId>(operation: O, touches: Touches, onDone?: (answer: Answer<O>) => void) {
  const always = usePlace();
  const client = useQueryClient();
  return useMutation<Answer<O>, Error, Change<O>>({
    mutationFn: ({ input, version }) => ask(operation, input, { always, ...(version !== undefined && { version }) }),
    onSuccess: async (answer) => {
      onDone?.(answer);
      await Promise.all(touches.map((touched) => client.invalidateQueries({ queryKey: [touched] })));
    },
  });
}
