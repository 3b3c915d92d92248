// @ts-check
/** @file The model keys that one brings: one's own, and for an organisation's admins the organisation's. */

import { Api } from "../api.js";
import { find } from "../dom.js";
import { Desk, isAdmin } from "../view/desk.js";
import { KeyPanel } from "../view/key-panel.js";

const api = new Api();
const desk = new Desk(api);
/** @type {KeyPanel[]} made once, also when the first answer took two attempts */
let panels = [];

void desk.open(async (me) => {
  if (panels.length === 0) panels = [new KeyPanel(api, "user", desk), ...(isAdmin(me) ? [new KeyPanel(api, "tenant", desk)] : [])];
  await Promise.all(panels.map((panel) => panel.show()));
  find("keys", HTMLElement).hidden = false;
});
