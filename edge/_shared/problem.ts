/**
 * The one shape of a refusal: `application/problem+json` (RFC 9457) with the service's own codes. A detail says what to
 * do; it never quotes a body, a credential, or a cause that lies inside.
 */

/** Status, title, and when asking again makes sense, by code: the same as the service's, which a test compares. */
export const CODES = {
  AUTHENTICATION_FAILED: { status: 401, title: "Authentication failed" },
  TOKEN_EXPIRED: { status: 401, title: "The credential has expired" },
  AUTH_UNAVAILABLE: { status: 503, title: "Credentials cannot be checked now", waitMs: 2000 },
  FORBIDDEN: { status: 403, title: "Not allowed" },
  NOT_FOUND: { status: 404, title: "Not found" },
  METHOD_NOT_ALLOWED: { status: 405, title: "Method not allowed" },
  BAD_MESSAGE: { status: 400, title: "The message cannot be understood" },
  VALIDATION_FAILED: { status: 422, title: "A value is not acceptable" },
  CONSENT_REQUIRED: { status: 422, title: "Consent is required" },
  PAYLOAD_TOO_LARGE: { status: 413, title: "The body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The content type is not supported" },
  CAPACITY_REACHED: { status: 503, title: "All places are taken", waitMs: 10000 },
  DATABASE_UNAVAILABLE: { status: 503, title: "The store is not available", waitMs: 2000 },
  SESSION_ENDED: { status: 409, title: "The session is over" },
  CONFLICT: { status: 409, title: "It collides with what is there" },
  INTERNAL: { status: 500, title: "Something went wrong here" },
} as const satisfies Record<string, { status: number; title: string; waitMs?: number }>;

/** Why something was refused or failed. */
export type Code = keyof typeof CODES;

/** A refusal or failure on its way to a client. */
export class Problem extends Error {
  readonly code: Code;

  /** `detail`: one or two sentences for the person who has to act. `field`: which field of the body it is about. */
  constructor(code: Code, readonly detail: string, readonly field?: string) {
    super(code);
    this.code = code;
  }

  /** No such object for this caller; a foreign one looks the same. */
  static notFound(): Problem {
    return new Problem("NOT_FOUND", "There is nothing here for you under this id.");
  }

  /** A value that is not acceptable. */
  static invalid(detail: string, field?: string): Problem {
    return new Problem("VALIDATION_FAILED", detail, field);
  }

  get status(): number {
    return CODES[this.code].status;
  }

  /** The answer, with `headers` besides its own. */
  respond(requestId: string, headers: Headers): Response {
    const { status, title, waitMs }: { status: number; title: string; waitMs?: number } = CODES[this.code];
    headers.set("content-type", "application/problem+json");
    if (waitMs !== undefined) headers.set("retry-after", String(Math.ceil(waitMs / 1000)));
    if (status === 401) headers.set("www-authenticate", "Bearer");
    const body = {
      type: `urn:viva:problem:${this.code.toLowerCase().replaceAll("_", "-")}`,
      title,
      status,
      detail: this.detail,
      code: this.code,
      request_id: requestId,
      ...(waitMs === undefined ? {} : { retry_after_ms: waitMs }),
      ...(this.field === undefined ? {} : { field: this.field }),
    };
    return new Response(JSON.stringify(body), { status, headers });
  }
}
