// What one does with a conversation: each is one request; who loses a race is told by whom, and offered the next one.
import { callActions, isLive } from "./desk-calls.js";
import { button, h } from "./desk-dom.js";
import { area, ask, field, line, select, toast } from "./desk-dialog.js";
import { t, word } from "./desk-words.js";

const PLAIN = { "take-over": "took_over", pull: "took_over", reopen: "reopened" };

export class Acts {
  #desk;
  #busy = new Set();

  constructor(desk) { this.#desk = desk; }

  /** Something that is done with what is open. Twice in an instant it is done once. */
  async do(what) {
    const { conversation } = this.#desk.talk;
    if (!conversation || !this.may(what, conversation)) return;
    if (what in PLAIN) { await this.#post(what, {}, { done: t(PLAIN[what]), then: () => this.#desk.composer.focus() }); return; }
    const forms = { "hand-back": () => this.#handBack(), transfer: () => this.#transfer(), snooze: () => this.#snooze() };
    forms.resolve = () => this.#resolve(conversation);
    forms.tags = () => this.#tags(conversation);
    await forms[what]();
  }

  /** Sets one thing of the conversation. */
  set(what, values) { return this.#post(what, values, { done: t("saved") }); }

  /** Somebody else was faster. */
  async lost(error, id) {
    this.#desk.refresh();
    const next = this.#desk.queue.firstWaiting(id);
    const { name } = error.more.holder;
    const answer = await ask({
      title: t("lost_race", { name: name || t("somebody") }), mark: "users",
      fields: [h("p", { class: "soft" }, t("other_holds", { name: name || t("somebody") })), h("p", { class: "small quiet" }, t("text_is_kept"))],
      done: next ? t("take_next", { name: this.#desk.nameOf(next) }) : "",
      cancel: t("watch_along"),
    });
    if (answer && next) {
      await this.#desk.open(next.id);
      await this.do("take-over");
    }
  }

  /** Whether it may be done with a conversation as it is. */
  may(what, conversation) {
    const { me, rows } = this.#desk;
    if (!me.may.write) return false;
    const isMine = rows.isMine(conversation);
    if (what === "take-over") return !isMine && conversation.status !== "closed";
    if (what === "snooze" && isLive(conversation)) return false; // nobody puts aside who is on the line
    if (["hand-back", "snooze"].includes(what)) return isMine;
    if (what === "resolve") return conversation.status !== "resolved" && conversation.status !== "closed" && (isMine || me.may.assign);
    if (what === "transfer") return !["resolved", "closed"].includes(conversation.status) && (isMine || me.may.assign);
    return conversation.status !== "closed" || what === "tags";
  }

  async #post(what, body, { done = "", undo = null, then = null } = {}) {
    const { id } = this.#desk.talk;
    if (this.#busy.has(`${id}:${what}`)) return false;
    this.#busy.add(`${id}:${what}`);
    try {
      const answer = await this.#desk.api.post(`/conversations/${id}/${what}`, body);
      if (answer.id === id && answer.holder) this.#desk.rows.put(answer);
      await this.#desk.talk.changed();
      if (done) toast(done, undo ? { act: undo, does: t("undo") } : {});
      then?.();
      return true;
    } catch (error) {
      if (error.status === 409 && error.more?.holder) await this.lost(error, id);
      else this.#desk.tell(error);
      return false;
    } finally {
      this.#busy.delete(`${id}:${what}`);
    }
  }

  async #handBack() {
    const note = area("", { rows: "3" });
    const given = await ask({ title: t("hand_back"), mark: "bot", done: t("hand_back"), read: () => ({ note: note.value.trim() }),
      fields: [h("p", { class: "soft" }, t("hand_back_more")), field(t("note_for_ai"), note)] });
    if (given) await this.#post("hand-back", given, { done: t("handed_back"), undo: () => this.do("take-over") });
  }

  async #transfer() {
    const [users, queues] = await this.#desk.team();
    const there = users.filter(({ id }) => id !== this.#desk.me.id);
    const options = [
      ...queues.map(({ skill }) => [`skill:${skill}`, t("queue_of", { skill: word("skill", skill) })]),
      ...there.map((user) => [`user:${user.id}`, `${user.name} · ${word("presence", user.status)} · ${user.open ?? 0}`]),
    ];
    if (!options.length) options.push(["skill:general", t("queue_of", { skill: word("skill", "general") })]);
    const to = select(options);
    const note = area("", { rows: "3" });
    const read = () => {
      const [kind, ...rest] = to.value.split(":");
      return { [kind]: rest.join(":"), note: note.value.trim() };
    };
    const given = await ask({ title: t("transfer"), mark: "swap", done: t("transfer"), read, fields: [field(t("to_whom"), to), field(t("note_for_them"), note)] });
    if (given) await this.#post("transfer", given, { done: t("transferred") });
  }

  async #resolve(conversation) {
    const notes = area();
    const rate = h("input", { type: "checkbox", checked: true });
    const given = await ask({ title: t("resolve"), mark: "check", done: t("resolve"),
      fields: [field(t("what_came_of_it"), notes, t("resolve_help")), h("label", { class: "row" }, rate, t("ask_how_it_was"))],
      check: () => (notes.value.trim() ? "" : t("write_some_words")),
      read: () => ({ notes: notes.value.trim(), ask: rate.checked }) });
    if (!given) return;
    const name = this.#desk.nameOf(conversation);
    const done = given.ask ? t("resolved_asked", { name }) : t("resolved");
    await this.#post("resolve", given, { done, undo: () => this.do("reopen") });
  }

  async #snooze() {
    const pick = select([["1", t("snooze_hour")], ["3", t("snooze_hours")], ["tomorrow", t("snooze_tomorrow")], ["monday", t("snooze_monday")]]);
    const given = await ask({ title: t("snooze"), mark: "snooze", done: t("snooze"), read: () => ({ until: moment(pick.value).toISOString() }),
      fields: [h("p", { class: "soft" }, t("snooze_more")), field(t("until"), pick)] });
    if (given) await this.#post("snooze", given, { done: t("snoozed"), undo: () => this.#post("snooze", { until: null }) });
  }

  async #tags(conversation) {
    const tags = line(conversation.tags.join(", "));
    const given = await ask({ title: t("tags"), mark: "tag", done: t("save"), fields: [field(t("tags"), tags, t("tags_help"))],
      read: () => ({ tags: tags.value.split(",").map((tag) => tag.trim().replace(/^#/, "")).filter(Boolean) }) });
    if (given) await this.set("tags", given);
  }

  /** A talk that we begin with somebody who has written to us before. */
  async begin(person) {
    const text = area();
    const given = await ask({ title: t("write_to", { name: person.name || t("no_name") }), mark: "send", done: t("send"),
      fields: [h("p", { class: "soft" }, t("write_to_more")), field(t("message"), text)],
      check: () => (text.value.trim() ? "" : t("write_some_words")), read: () => text.value.trim() });
    if (!given) return;
    const body = { customer_id: person.id, text: given, client_id: this.#desk.newKey(), channel: "whatsapp" };
    try {
      const answer = await this.#desk.api.post("/conversations", body);
      await this.#desk.open(answer.conversation.id);
    } catch (error) {
      this.#desk.tell(error);
    }
  }
}

function moment(choice) {
  const at = new Date();
  if (choice === "tomorrow") at.setDate(at.getDate() + 1);
  else if (choice === "monday") at.setDate(at.getDate() + ((8 - at.getDay()) % 7 || 7));
  else return new Date(Date.now() + Number(choice) * 3_600_000);
  at.setHours(9, 0, 0, 0);
  return at;
}

/** The buttons above a conversation, by what may be done with it now. */
export function actions(desk, conversation) {
  const isMine = desk.rows.isMine(conversation);
  const act = ([what, mark, key, look]) => {
    const text = t(what.replace("-", "_"));
    const isIcon = look.includes("icon");
    const more = isIcon ? { label: `${text} (${key})`, title: `${text} (${key})` } : { key };
    return button(isIcon ? "" : text, { mark, look, act: () => desk.acts.do(what), ...more });
  };
  const all = [["hand-back", "bot", "B", ""], ["transfer", "swap", "X", "btn-icon seldom"], ["snooze", "snooze", "Z", "btn-icon seldom"],
    ["resolve", "check", "E", isMine ? "btn-main" : ""]];
  return [...callActions(desk, conversation), ...all.filter(([what]) => desk.acts.may(what, conversation)).map(act)];
}
