// Telephone calls on the desk: which are under way, and what one can do with them.
import { area, ask, field, select, toast } from "./desk-dialog.js";
import { badge, button, h, icon } from "./desk-dom.js";
import { moment, span, t, word } from "./desk-words.js";

/** Whether a conversation is a call that is under way. */
export const isLive = ({ call }) => Boolean(call) && !call.ended_at && ["ringing", "initiated", "in-progress"].includes(call.status);

/** How long it has lasted, kept going by `tick`; what it is where it has not been answered. */
export function timer({ call }) {
  if (!call.started_at) return badge(word("call", call.status), "wait", "phone");
  return h("span", { class: "badge live-time", "data-tone": "bad", "data-live-since": call.started_at, title: t("call_since") }, icon("phone", true), h("span", {}, lasted(call)));
}

const lasted = ({ started_at: since }) => span(Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000)));

export function tick(place) {
  for (const one of place.querySelectorAll("[data-live-since]")) one.lastElementChild.textContent = lasted({ started_at: one.dataset.liveSince });
}

/** The buttons above a call that is under way. */
export function callActions(desk, conversation) {
  if (!desk.me.may.write || !isLive(conversation)) return [];
  const isOthers = conversation.holder.kind === "operator" && !desk.rows.isMine(conversation);
  if (isOthers && !desk.me.may.assign) return [];
  const isTalking = conversation.call.status === "in-progress";
  return [
    isTalking && button("", { mark: "headset", look: "btn-icon", label: t("connect"), title: t("connect"), act: () => connect(desk, conversation) }),
    isTalking && button("", { mark: "hang", look: "btn-icon btn-stop", label: t("hang_up"), title: t("hang_up"), act: () => hangUp(desk, conversation) }),
  ].filter(Boolean);
}

async function connect(desk, { id }) {
  const [users] = await desk.team();
  const others = users.filter((user) => user.id !== desk.me.id).map((user) => [user.id, `${user.name} · ${word("presence", user.status)}`]);
  const to = select([["", t("my_telephone")], ...others]);
  const note = area("", { rows: "2" });
  const given = await ask({ title: t("connect"), mark: "headset", done: t("connect"), read: () => ({ user: to.value, note: note.value.trim() }),
    fields: [h("p", { class: "soft" }, t("connect_more")), field(t("to_whom"), to), field(t("note_for_them"), note)] });
  if (given) await post(desk, `/conversations/${id}/connect`, given, t("connecting"));
}

async function hangUp(desk, { id }) {
  const given = await ask({ title: t("hang_up"), mark: "hang", done: t("hang_up"), fields: [h("p", { class: "soft" }, t("hang_up_more", { name: desk.nameOf(desk.talk.conversation) }))] });
  if (given) await post(desk, `/conversations/${id}/hang-up`, undefined, t("hanging_up"));
}

async function post(desk, path, body, done) {
  try {
    desk.rows.put(await desk.api.post(path, body));
    await desk.talk.changed();
    toast(done, { mark: "phone" });
  } catch (error) {
    if (error.status === 409 && error.more?.holder) await desk.acts.lost(error, desk.talk.id);
    else desk.tell(error);
  }
}

/** Has a person called by the AI, where that is allowed; the reason why not comes from the rules, in words. */
export async function placeCall(desk, person) {
  const about = area("", { rows: "3", maxlength: "300" });
  const expected = h("input", { type: "checkbox" });
  const given = await ask({ title: t("call_them", { name: person.name || t("no_name") }), mark: "phone", done: t("call_now"),
    fields: [h("p", { class: "soft" }, t("call_them_more")), field(t("call_about"), about), h("label", { class: "row" }, expected, t("call_expected"))],
    read: () => ({ about: about.value.trim(), is_personal: expected.checked }) });
  if (!given) return;
  try {
    const { state, detail, rule, again_at: again } = await desk.api.post("/calls", { customer_id: person.id, ...given });
    const isRefused = ["refused", "failed"].includes(state);
    const why = [detail || rule, again && t("not_before", { at: moment(again) })].filter(Boolean).join("; ");
    toast(isRefused ? t("call_refused", { why }) : t("call_placed"), { mark: isRefused ? "warn" : "phone" });
  } catch (error) {
    desk.tell(error);
  }
}
