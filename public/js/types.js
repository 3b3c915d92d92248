// @ts-check
/**
 * @file Shapes shared by the pages. Types only: this file must hold no code that runs.
 *
 * Wire names are kept as they are on the wire (`sessionId`, `ended_by`), so that a reader can search for them.
 */

/**
 * One stage of a plan, as `/api/plans` and the `session` message give it.
 * @typedef {{name: string, label: string, limitSeconds: number, minQuestions: number}} Stage
 */

/** @typedef {{name: string, label: string, stages: Stage[]}} Plan */

/**
 * What `/health` tells people.
 * @typedef {object} Health
 * @property {"healthy" | "degraded" | "unhealthy"} status
 * @property {string} version
 * @property {string} [git]
 * @property {{kind: string, state: string, detail?: string}} [store]
 * @property {{kind: string, state: string, base_url_host?: string}} [upstream]
 * @property {{active: number, max: number}} [sessions]
 * @property {boolean} [simulation]
 */

/**
 * What `POST /api/sessions` may be asked for, beside the consent.
 * @typedef {object} Wishes
 * @property {string} [kind] `interview`, `transcription` or `translation`
 * @property {string} [title]
 * @property {string[]} [languages] of a transcription
 * @property {string} [target_language] of a translation
 * @property {string} [plan]
 * @property {string} [candidate_name]
 * @property {string} [candidate_email]
 * @property {string} [job_role]
 * @property {string} [experience_level]
 * @property {string} [language]
 * @property {string} [voice]
 * @property {string} [resume_text]
 * @property {string} [job_description]
 * @property {boolean} [include_profile]
 * @property {number} [time_percent]
 */

/** Which notice somebody agreed to. @typedef {{version: string, locale: string, text_hash?: string}} Agreement */

/** What was agreed to, when, and whether it was taken back. @typedef {{version: string, locale: string, text_hash: string | null, agreed_at: string, withdrawn_at: string | null}} GivenConsent */

/** An interview that was accepted without an account in this browser. @typedef {{session_id: string, tenant_id: string, organisation: string, job_role: string | null}} Claimable */

/**
 * A session as the HTTP API shows it. Times are RFC 3339 texts, or null while they have not come.
 * @typedef {object} Session
 * @property {string} id
 * @property {string} [user_id] who is interviewed
 * @property {"interview" | "transcription" | "translation"} [kind]
 * @property {"scheduled" | "in_progress" | "completed" | "cancelled" | "failed"} status
 * @property {boolean} [live] whether a call runs now
 * @property {string | null} [title]
 * @property {string | null} [candidate_name]
 * @property {string | null} [job_role]
 * @property {string} [created_at]
 * @property {string[]} [skipped_stages]
 * @property {number} [agent_turns]
 * @property {number} [candidate_turns]
 * @property {string} [plan]
 * @property {string | null} [stage]
 * @property {Stage[]} [stages]
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 * @property {string | null} [ended_by]
 * @property {string | null} [upstream_error]
 * @property {boolean} [simulation]
 */

/** @typedef {{value: string, expires_at: string}} Ticket */

/** Ordered as they rank: a later one may do all that an earlier one may. @typedef {"candidate" | "member" | "interviewer" | "admin"} Role */

/** @typedef {{id: string, name: string, kind: "personal" | "organisation", role: Role, active: boolean}} Tenant */

/** Who is signed in; the tenant that they act in comes first. @typedef {{user: {id: string, name: string, kind: string, email?: string}, tenants: Tenant[]}} Me */

/** @typedef {{user: {id: string, name: string, email?: string}, role: Role, since: string}} Member */

/**
 * A key with which another server acts in a tenant, without the key itself.
 * @typedef {object} AccessKey
 * @property {string} id
 * @property {string} name
 * @property {string} prefix how it begins
 * @property {string[]} scopes
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {string | null} revoked_at
 * @property {string | null} last_used_at
 */

/**
 * An invitation as those who made it see it.
 * @typedef {object} SentInvitation
 * @property {string} id
 * @property {string} session_id
 * @property {"pending" | "accepted" | "declined" | "revoked" | "expired"} status
 * @property {string | null} email
 * @property {string | null} candidate_name
 * @property {string | null} job_role
 * @property {string} expires_at
 * @property {string} created_at
 * @property {string | null} settled_at
 */

/**
 * How a tenant is set up.
 * @typedef {object} TenantRules
 * @property {number | null} [max_sessions] calls at once that were chosen; null: as many as the server allows
 * @property {number} max_sessions_limit what the server allows
 * @property {string} key_policy `server`, `byok` or `byok_then_server`
 * @property {number} retention_days
 * @property {boolean} legal_hold
 */

/**
 * One row of what was done in a tenant.
 * @typedef {object} AuditRow
 * @property {number} n
 * @property {string} at
 * @property {{kind: "person" | "ticket" | "service", id: string | null}} actor
 * @property {string} action
 * @property {string | null} [object]
 * @property {string} [detail]
 */

/**
 * What was consumed together.
 * @typedef {object} UsageRow
 * @property {string} key a day, a month, a model or an interview's id
 * @property {"server" | "key_owner"} payer whose bill it is on
 * @property {number} replies
 * @property {number} transcriptions
 * @property {number} text_in
 * @property {number} audio_in
 * @property {number} image_in
 * @property {number} text_cached
 * @property {number} audio_cached
 * @property {number} image_cached
 * @property {number} text_out
 * @property {number} audio_out
 * @property {number} ms sound that is charged by its length
 * @property {number | null} cost_usd null: a model in it has no price
 * @property {boolean} confirmed
 */

/** @typedef {{from: string, to: string, group: string, items: UsageRow[], total: Omit<UsageRow, "key" | "payer">, prices: string, cut: boolean}} Usage */

/** @typedef {{scope: "tenant" | "user", period: "day" | "month", limit_usd: number, hard: boolean, spent_usd: number, standing: "ok" | "low" | "exhausted"}} Budget */

/** A stored model key, as far as it is ever shown. @typedef {{provider: string, last4: string, status: "valid" | "rejected" | "unchecked", checked_at: string | null}} ModelKey */

/**
 * A turn of the stored record.
 * @typedef {object} StoredTurn
 * @property {number} n
 * @property {string} item_id
 * @property {"candidate" | "ai" | "system"} speaker
 * @property {string} text
 * @property {string | null} [stage]
 * @property {string} state
 * @property {string} source
 * @property {boolean} [disputed] the server could not confirm what the browser reported
 * @property {boolean} [truncated]
 * @property {string} [spoken_at]
 */

/** @typedef {{meta: Record<string, any>, stages: Record<string, any>[], turns: StoredTurn[]}} Transcript */

/** A message of `viva.v1`, either way. @typedef {{type: string, [field: string]: any}} Message */

/** A raw event of the model's data channel, either way. @typedef {{type: string, [field: string]: any}} ModelEvent */

/** Who records: nobody yet, the server's sideband, or the server by what this page relays. @typedef {"pending" | "sideband" | "relay"} Control */

/** @typedef {"candidate" | "ai"} Speaker */

/**
 * A turn as this page saw it pass on the data channel.
 * @typedef {{itemId: string, speaker: Speaker, text: string, final: boolean, interrupted: boolean}} SeenTurn
 */

/**
 * One reading of the connection. A value that the browser does not give is null, never zero.
 * @typedef {object} StatsSample
 * @property {number} at milliseconds on the page's own clock (`performance.now`)
 * @property {number | null} rttMs round trip of media, else of the ICE check
 * @property {number | null} jitterMs
 * @property {number | null} lossPct lost packets since the sample before, in percent
 * @property {number} received packets received in all
 * @property {number} energy total audio energy received
 * @property {number} sentBytes audio bytes sent in all
 * @property {CandidatePair | null} pair
 */

/** @typedef {{local: string, remote: string, remoteAddress: string, remotePort: number, protocol: string}} CandidatePair */

/** What can be told to a person about something that went wrong. @typedef {{title: string, help: string, retry: boolean}} Explanation */

export {};
