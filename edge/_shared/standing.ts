/** Where a person belongs, and in which of their tenants they act. */

import type { Caller } from "./caller.ts";
import type { Database } from "./database.ts";
import { uuidV7 } from "./ids.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A person's place in one tenant. */
export interface Membership {
  tenant: string;
  name: string;
  kind: "personal" | "organisation";
  role: "admin" | "interviewer" | "member" | "candidate";
}

/** What the database function `admit` answers. */
export interface Standing {
  user: { id: string };
  default_tenant: string | null;
  /** At least their own tenant, which is the first. */
  memberships: Membership[];
}

/** The person behind a token, made with a tenant of their own when nobody knows them yet. */
export function admit(caller: Caller, database: Database): Promise<Standing> {
  const { subject, issuer, profile } = caller;
  return database.call<Standing>("admit", {
    // The project's own ids are good for ours; others are not UUIDs, or may collide.
    user: UUID.test(subject) ? subject : uuidV7(),
    spare: uuidV7(),
    tenant: uuidV7(),
    issuer,
    subject,
    ...profile,
    now: Date.now(),
  });
}

/** The membership that the person acts under: of the tenant that the token names if they belong there, else of the one they chose, else their own. */
export function acting(standing: Standing, named: string | undefined): Membership | undefined {
  const { memberships, default_tenant } = standing;
  const byName = ({ tenant, kind, name }: Membership) =>
    tenant === named?.toLowerCase() || kind === "organisation" && name === named;
  return memberships.find((membership) => named !== undefined && byName(membership)) ??
    memberships.find(({ tenant }) => tenant === default_tenant) ?? memberships[0];
}
