import {
  MEMBER_ROLES,
  MEMBER_STATES,
  memberCreateSchema,
  memberUpdateSchema,
  type MemberAnswer,
  type MemberMade,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { nextCursor, pageLimit, time } from "./fields.ts";

const fields = {
  id: z.string().meta({ description: "What the ledger names them by, and nothing else." }),
  email: z.string(),
  name: z.string(),
  role: z.enum(MEMBER_ROLES),
  state: z.enum(MEMBER_STATES).meta({ description: "`invited`: has not set a password yet." }),
  single_sign_on: z.boolean().meta({ description: "Signs in at the identity provider, whose groups say the role." }),
  created_at: time,
  last_sign_in_at: time.nullable(),
  version: z.int().min(1),
};
const member: z.ZodType<MemberAnswer> = z.strictObject(fields).meta({ id: "Member" });
const made: z.ZodType<MemberMade> = z
  .strictObject({
    ...fields,
    invitation: z
      .strictObject({
        token: z
          .string()
          .meta({ description: "Shown now, and never again: `/dashboard/invitation#` and it make a link." }),
        expires_at: time,
      })
      .nullable()
      .meta({ description: "Null: a password was given." }),
  })
  .meta({ id: "MemberMade" });

const params = z.strictObject({ id: z.string().max(64) });
const ID = "mem_4vT9cXq2LrB7wZbK";
const SAMPLE = {
  id: ID,
  email: "ada@example.com",
  name: "Ada",
  role: "operator" as const,
  state: "invited" as const,
  single_sign_on: false,
  created_at: "2026-11-21T06:30:00.000Z",
  last_sign_in_at: null,
  version: 1,
};
const invitation = { token: "…", expires_at: "2026-11-28T06:30:00.000Z" };
const each = { tag: "members", params } as const;

export const createMember = endpoint({
  operationId: "createMember",
  method: "POST",
  path: "/api/v1/members",
  tag: "members",
  summary: "Let somebody sign in: with a first password, or else by the one-time text that is in this answer only.",
  body: memberCreateSchema.meta({ id: "MemberCreate" }),
  status: 201,
  answer: made,
  etag: true,
  errors: ["ALREADY_EXISTS", "OVERLOADED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    body: { email: "ada@example.com", name: "Ada", role: "operator" },
    answer: { ...SAMPLE, invitation },
  },
});

const pageQuery = z.strictObject({
  limit: pageLimit,
  cursor: z
    .string()
    .regex(/^mem_[0-9A-Za-z]{16}$/, { error: "expected the next_cursor of an earlier answer" })
    .optional(),
});

export const listMembers = endpoint({
  operationId: "listMembers",
  method: "GET",
  path: "/api/v1/members",
  tag: "members",
  summary: "Members of the tenant, by id.",
  query: pageQuery,
  status: 200,
  answer: z.strictObject({ members: z.array(member), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { members: [SAMPLE], next_cursor: null } },
});

const nameOfMember = z.strictObject({ id: z.string(), name: z.string() }).meta({ id: "MemberName" });

export const listMemberNames = endpoint({
  operationId: "listMemberNames",
  method: "GET",
  path: "/api/v1/member-names",
  tag: "members",
  summary:
    "Names of the tenant's members, by id: who it was that the audit names `member:mem_…`. No addresses, no roles.",
  query: pageQuery,
  status: 200,
  answer: z.strictObject({ names: z.array(nameOfMember), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { names: [{ id: ID, name: "Ada" }], next_cursor: null } },
});

export const getMember = endpoint({
  ...each,
  operationId: "getMember",
  method: "GET",
  path: "/api/v1/members/{id}",
  summary: "A member.",
  status: 200,
  answer: member,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { id: ID }, answer: SAMPLE },
});

export const updateMember = endpoint({
  ...each,
  operationId: "updateMember",
  method: "PUT",
  path: "/api/v1/members/{id}",
  summary:
    "Change a member's name or role, or disable them. Another role, and being disabled, end their sessions at once.",
  body: memberUpdateSchema.meta({ id: "MemberUpdate" }),
  status: 200,
  answer: member,
  etag: true,
  ifMatch: true,
  errors: [
    "NOT_FOUND",
    "LAST_OWNER",
    "VERSION_CONFLICT",
    "PRECONDITION_FAILED",
    "SPOOL_UNAVAILABLE",
    "REQUEST_TOO_LARGE",
  ],
  example: {
    params: { id: ID },
    body: { role: "admin", version: 1 },
    answer: { ...SAMPLE, role: "admin", version: 2 },
  },
});

export const inviteMember = endpoint({
  ...each,
  operationId: "inviteMember",
  method: "POST",
  path: "/api/v1/members/{id}/invite",
  summary: "Give a member a new one-time text. Their password and their sessions end at once.",
  status: 200,
  answer: made,
  etag: true,
  errors: ["NOT_FOUND", "LAST_OWNER", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { params: { id: ID }, answer: { ...SAMPLE, version: 3, invitation } },
});

export const deleteMember = endpoint({
  ...each,
  operationId: "deleteMember",
  method: "DELETE",
  path: "/api/v1/members/{id}",
  summary: "Forget a member. Their sessions end at once; the ledger goes on to name them by the id.",
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "LAST_OWNER", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE"],
  example: { params: { id: ID } },
});

export const MEMBER_ENDPOINTS: readonly Endpoint[] = [
  createMember,
  listMembers,
  listMemberNames,
  getMember,
  updateMember,
  inviteMember,
  deleteMember,
];
