import type { FastifyInstance, FastifyReply } from "fastify";
import type { MemberAnswer } from "@tollhouse/contract";
import type { MemberService } from "../../members/member-service.ts";
import { serve } from "../endpoint.ts";
import {
  createMember,
  deleteMember,
  getMember,
  inviteMember,
  listMemberNames,
  listMembers,
  updateMember,
} from "../endpoints/members.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

/** Who may sign in to a tenant. A one-time text is in two answers only: of making and of inviting. */
export function memberRoutes(members: MemberService): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, createMember, async ({ body, request: { access }, reply }) => {
      const made = await members.create(body, access);
      shownOnce(reply.header("location", `/api/v1/members/${made.id}`));
      return tagged(reply, made);
    });
    serve(app, listMembers, async ({ query: { cursor, limit }, request: { access } }) => {
      const page = await members.list(access.tenant, cursor ?? "", limit);
      return { members: page.members, next_cursor: page.next };
    });
    serve(app, listMemberNames, async ({ query: { cursor, limit }, request: { access } }) => {
      const page = await members.listNames(access.tenant, cursor ?? "", limit);
      return { names: page.names, next_cursor: page.next };
    });
    serve(app, getMember, async ({ params, request: { access }, reply }) =>
      tagged(reply, await members.get(access.tenant, params.id)),
    );
    serve(app, updateMember, async ({ params, body, request: { access, headers }, reply }) =>
      tagged(reply, await members.update(params.id, body, access, ifMatchOf(headers["if-match"]))),
    );
    serve(app, inviteMember, async ({ params, request: { access }, reply }) => {
      const made = await members.invite(params.id, access);
      shownOnce(reply);
      return tagged(reply, made);
    });
    serve(app, deleteMember, ({ params, request: { access, headers } }) =>
      members.remove(params.id, access, ifMatchOf(headers["if-match"])),
    );
  };
}

function tagged<M extends MemberAnswer>(reply: FastifyReply, member: M): M {
  void reply.header("etag", etagOf(member.version));
  return member;
}

/** No cache between us and whoever asked may keep a secret. */
function shownOnce(reply: FastifyReply): void {
  void reply.header("cache-control", "no-store");
}
