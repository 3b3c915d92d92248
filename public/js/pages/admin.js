// @ts-check
/** @file Looking after an organisation, for its admins: calls under way, invitations, people and roles, rules, keys, what was done. */

import { Api } from "../api.js";
import { find, say } from "../dom.js";
import { standingOf } from "../key-words.js";
import { AccessKeys } from "../view/access-keys.js";
import { AuditTrail } from "../view/audit.js";
import { Desk, isAdmin } from "../view/desk.js";
import { Invitations } from "../view/invitations.js";
import { LiveCalls } from "../view/live-calls.js";
import { People } from "../view/people.js";
import { Rules } from "../view/rules.js";

const api = new Api();
const desk = new Desk(api);
/** @type {{show: () => Promise<void>}[]} made once, also when the first answer took two attempts */
let parts = [];

void desk.open(async (me) => {
  if (!isAdmin(me)) return void (find("elsewhere", HTMLElement).hidden = false);
  say(find("title", HTMLElement), me.tenants[0].name);
  if (parts.length === 0) parts = [new LiveCalls(api, desk), new Invitations(api, desk), new People(api, me.user.id), new Rules(api), new AccessKeys(api, desk), new AuditTrail(api, desk)];
  const [[key]] = await Promise.all([api.keys("tenant"), ...parts.map((part) => part.show())]);
  say(find("key", HTMLElement), key ? standingOf(key).text : "The organisation has stored none. People’s own keys or this server’s are used, if there are any.");
  find("admin", HTMLElement).hidden = false;
});
