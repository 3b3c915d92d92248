// @ts-check
/** @file Looking after an organisation, for its admins: calls under way, people and roles, access keys, the model key. */

import { Api } from "../api.js";
import { find, say } from "../dom.js";
import { standingOf } from "../key-words.js";
import { AccessKeys } from "../view/access-keys.js";
import { Desk, isAdmin } from "../view/desk.js";
import { LiveCalls } from "../view/live-calls.js";
import { People } from "../view/people.js";

const api = new Api();
const desk = new Desk(api);
/** @type {{live: LiveCalls, people: People, access: AccessKeys} | undefined} made once, also when the first answer took two attempts */
let parts;

void desk.open(async (me) => {
  if (!isAdmin(me)) return void (find("elsewhere", HTMLElement).hidden = false);
  say(find("title", HTMLElement), me.tenants[0].name);
  parts ??= { live: new LiveCalls(api, desk), people: new People(api, me.user.id), access: new AccessKeys(api, desk) };
  const [[key]] = await Promise.all([api.keys("tenant"), parts.live.show(), parts.people.show(), parts.access.show()]);
  say(find("key", HTMLElement), key ? standingOf(key).text : "The organisation has stored none. People’s own keys or this server’s are used, if there are any.");
  find("admin", HTMLElement).hidden = false;
});
