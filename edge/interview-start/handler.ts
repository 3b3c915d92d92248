/**
 * `interview-start`: a ticket for one call, of an interview that exists or of one that is made now. A ticket rests on a
 * consent, and both are stored in one transaction, with the session if it is new.
 */

import type { Environment } from "../_shared/environment.ts";
import type { Consent, Fields } from "../_shared/fields.ts";
import { type Answer, type Asked, serve } from "../_shared/http.ts";
import { mintTicket, uuidV7 } from "../_shared/ids.ts";
import { Problem } from "../_shared/problem.ts";
import { rfc3339, seenBy, type SessionRow, statusOf } from "../_shared/sessions.ts";
import { acting, admit } from "../_shared/standing.ts";
import plans from "../_shared/plans.json" with { type: "json" };

const MAX_BODY = 64 * 1024;
/** For so long a ticket may begin its call. */
const TICKET_MS = 600_000;
const LEVELS = ["entry", "junior", "mid", "senior", "lead", "staff"] as const;

/** The function. */
export function makeHandler(environment: Environment): (request: Request) => Promise<Response> {
  return serve(environment, MAX_BODY, (asked) => asked.fields.has("session_id") ? join(asked) : create(asked));
}

/** For an interview that exists. */
async function join({ caller, fields, database, environment }: Asked): Promise<Answer> {
  const id = fields.neededUuid("session_id");
  const { tenant, isTheirs } = await seenBy(caller, database, id);
  const consent = fields.consent();
  // Only whoever is interviewed can agree to it.
  if (!isTheirs) {
    throw new Problem("FORBIDDEN", "Only the person who is interviewed can agree and get a ticket.");
  }
  const session = await database.call<SessionRow | null>("session", { tenant, session: id });
  if (session === null) throw Problem.notFound();
  if (session.state.ended_at !== null) {
    throw new Problem("SESSION_ENDED", "This interview is over. Make a new one.");
  }
  const { secret, stored } = await ticketFor(id, consent);
  if (!await database.call<boolean>("add_ticket", { tenant, ...stored })) throw Problem.notFound();
  return told({ id, tenant, status: statusOf(session), created: false }, secret, environment);
}

/** For a new one. */
async function create({ caller, fields, database, environment }: Asked): Promise<Answer> {
  const standing = await admit(caller, database);
  const membership = acting(standing, caller.tenant);
  if (membership === undefined || membership.role === "candidate") {
    throw new Problem("FORBIDDEN", "Your role in this tenant does not allow that.");
  }
  const { tenant } = membership;
  const consent = fields.consent();
  const id = uuidV7();
  const session = { id, user: standing.user.id, ...wanted(fields, environment), created_at: Date.now() };
  const { secret, stored } = await ticketFor(id, consent);
  await database.call<null>("create_session", { tenant, session, ...stored });
  return told({ id, tenant, status: "scheduled", created: true }, secret, environment);
}

function wanted(fields: Fields, environment: Environment) {
  const name = fields.string("plan") ?? "default";
  const plan: unknown = Object.hasOwn(plans, name) ? plans[name as keyof typeof plans] : undefined;
  if (plan === undefined) {
    throw Problem.invalid(
      "`plan` names no plan of the functions; a whole plan can be sent to POST /api/sessions.",
      "plan",
    );
  }
  return {
    plan: name,
    stage_plan: JSON.stringify(plan),
    candidate_name: fields.label("candidate_name"),
    job_role: fields.label("job_role"),
    language: fields.language("language"),
    model: environment.model,
    voice: fields.voice("voice") ?? environment.voice,
    simulation: false,
    details: {
      title: fields.label("title"),
      candidate_email: fields.email("candidate_email"),
      experience_level: fields.oneOf("experience_level", LEVELS),
      resume_text: fields.text("resume_text", 3_000),
      job_description: fields.text("job_description", 2_000),
      extra_instructions: fields.text("extra_instructions", 4_000),
      profile: fields.flag("include_profile") === false ? "Withheld" : "Included",
    },
  };
}

interface Minted {
  /** What is handed out. */
  secret: { value: string; expires_at: string };
  /** What is stored. */
  stored: { now: number; ticket: Record<string, unknown>; consent: Consent };
}

async function ticketFor(session: string, consent: Consent): Promise<Minted> {
  const now = Date.now();
  const { value, hash } = await mintTicket();
  const expiresAt = now + TICKET_MS;
  return {
    secret: { value, expires_at: rfc3339(expiresAt) },
    stored: { now, ticket: { hash, session, policy: "locked", expires_at: expiresAt }, consent },
  };
}

function told(
  { id, tenant, status, created }: { id: string; tenant: string; status: string; created: boolean },
  ticket: Minted["secret"],
  environment: Environment,
): Answer {
  // http → ws, https → wss.
  const wsUrl = `${environment.publicUrl.replace("http", "ws")}/ws?session=${id}`;
  return {
    status: 201,
    body: { success: true, session_id: id, tenant_id: tenant, status, created, ticket, ws_url: wsUrl },
  };
}
