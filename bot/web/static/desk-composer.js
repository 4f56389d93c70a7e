// The box one writes in: a reply or a note. Text is never lost; what is sent is said once, however often it is tried.
import { isLive } from "./desk-calls.js";
import { fill, h, button, icon, newKey } from "./desk-dom.js";
import { Files } from "./desk-files.js";
import { holderOf } from "./desk-rows.js";
import { clock, t, waited } from "./desk-words.js";

const MOST = 16_000;
const MOST_NOTE = 10_000;
const TYPES_EVERY = 3000;

const kept = {
  get: (place) => { try { return JSON.parse(sessionStorage.getItem(place)); } catch { return null; } },
  put: (place, value) => { try { sessionStorage.setItem(place, JSON.stringify(value)); } catch { /* kept while the page is open */ } },
};

export class Composer {
  #desk;
  #form = document.querySelector("[data-composer]");
  #text = document.querySelector("[data-text]");
  #help = document.querySelector("[data-text-help]");
  #gate = document.querySelector("[data-gate]");
  #sendButton = document.querySelector("[data-send]");
  #mode = "reply";
  #id = "";
  #place;
  #drafts;
  #outgoing;
  #typedAt = 0;
  #isSending = false;

  #files;

  /** `limits` of files: most, bytes, types. */
  constructor(desk, limits) {
    this.#desk = desk;
    this.#place = `desk:${desk.me.id}`; // what one user wrote is not sent as another
    this.#drafts = kept.get(`${this.#place}:drafts`) ?? {};
    this.#outgoing = kept.get(`${this.#place}:outgoing`) ?? [];
    const parts = { kept: this.#drafts, keep: () => this.#keep(), say: (text) => this.#say(text, text && "bad"), isReply: () => this.isReply, field: this.#text };
    this.#files = new Files(desk, parts, limits);
    this.#form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.#text.addEventListener("input", () => this.#input());
    this.#text.addEventListener("blur", () => this.#types(""));
    for (const tab of this.#form.querySelectorAll("[data-mode]")) {
      tab.addEventListener("click", () => { this.mode(tab.dataset.mode); this.focus(); });
      tab.addEventListener("keydown", (event) => { if (["ArrowLeft", "ArrowRight"].includes(event.key)) { this.mode(this.#mode === "note" ? "reply" : "note"); this.#form.querySelector("[aria-selected=true]").focus(); } });
    }
  }

  get field() { return this.#text; }
  get isReply() { return this.#mode === "reply"; }

  /** What of this conversation is on its way, as entries of the timeline. */
  pending(id) {
    return this.#outgoing.filter((one) => one.conversation === id).map((one) => ({ kind: "message", by: "agent", ...one }));
  }

  show(conversation) {
    if (conversation.id !== this.#id) {
      this.#id = conversation.id;
      this.#mode = "reply";
      this.#text.value = this.#draft();
      this.#say("");
      this.#files.draw();
    }
    this.draw(conversation);
  }

  /** Which form there is: to write, to take it over first, or the reason why nothing can be written. */
  draw(conversation) {
    const isMine = this.#desk.rows.isMine(conversation);
    const why = isMine ? this.#whyNot(conversation) : "";
    const mayReply = isMine && !why && this.#desk.me.may.write;
    if (!mayReply && this.#mode === "reply") this.#swap("note");
    if (mayReply && this.#mode === "note" && !this.#text.value.trim() && this.#wasForced) this.#swap("reply");
    this.#wasForced = !mayReply;
    this.#form.hidden = !this.#desk.me.may.write;
    this.#form.querySelector("[data-mode=reply]").disabled = !mayReply;
    this.#drawTabs();
    fill(this.#gate, isMine ? why && this.#closed(why) : this.#untaken(conversation));
  }

  #wasForced = false;

  mode(mode) {
    if (mode === "reply" && this.#form.querySelector("[data-mode=reply]").disabled) return;
    this.#swap(mode);
    this.#drawTabs();
  }

  focus() { this.#text.focus(); }

  /** Puts text where the caret is; a canned reply takes the place of what it was found by. */
  insert(text, { from = this.#text.selectionStart, to = this.#text.selectionEnd } = {}) {
    this.#text.setRangeText(text, from, to, "end");
    this.#text.focus();
    this.#input();
  }

  /** Tries again what could not be sent. */
  again(entry) {
    const one = this.#outgoing.find(({ id }) => id === entry.id);
    if (one) Object.assign(one, { state: "sending", why: "" });
    this.flush();
  }

  /** Back into the box: it is not to be sent as it is. */
  drop(entry) {
    this.#outgoing = this.#outgoing.filter(({ id }) => id !== entry.id);
    this.#keep();
    this.mode("reply");
    this.#text.value = [this.#text.value.trim(), entry.text].filter(Boolean).join("\n");
    this.#input();
    this.#files.restore(entry.attachments ?? []);
    this.#desk.talk.draw();
    this.focus();
  }

  /** Sends what waits, one after the other: what was written first arrives first. */
  async flush() {
    if (this.#isSending) return;
    this.#isSending = true;
    let next;
    while ((next = this.#outgoing.find(({ state }) => state === "sending" || state === "waiting"))) {
      if (!(await this.#post(next))) break;
    }
    this.#isSending = false;
    this.#keep();
    this.#desk.talk.draw();
  }

  async #post(one) {
    one.state = "sending";
    this.#desk.talk.draw();
    try {
      const attachments = (one.attachments ?? []).map(({ id }) => id);
      const said = await this.#desk.api.post(`/conversations/${one.conversation}/reply`, { text: one.text, client_id: one.id, attachments });
      this.#outgoing = this.#outgoing.filter(({ id }) => id !== one.id);
      this.#desk.sent(one, said);
      return true;
    } catch (error) {
      if (error.isLost || error.isExpired || error.status === 429) { one.state = "waiting"; return false; }
      Object.assign(one, { state: "lost", why: error.message });
      if (error.more?.holder) this.#desk.acts.lost(error, one.conversation);
      return true;
    } finally {
      this.#keep();
    }
  }

  async #submit() {
    const text = (this.#text.value.toWellFormed?.() ?? this.#text.value).trim();
    const most = this.isReply ? MOST : MOST_NOTE;
    const over = [...text].length - most;
    if (over > 0) { this.#say(t("too_long", { over, most }), "bad"); return; }
    if (this.isReply && this.#files.isBusy) { this.#say(t("files_coming"), "wait"); return; }
    const files = this.isReply ? this.#files.ready : [];
    if (!text && !files.length) return;
    if (this.isReply) this.#reply(text, files);
    else await this.#note(text);
  }

  #reply(text, attachments) {
    this.#outgoing.push({ id: newKey(), conversation: this.#id, text, attachments, at: new Date().toISOString(), state: "sending" });
    this.#clear();
    this.#files.clear();
    this.#types("");
    this.#keep();
    this.#desk.talk.draw();
    this.#desk.talk.toEnd();
    this.flush();
  }

  async #note(text) {
    if (this.#sendButton.disabled) return;
    this.#sendButton.disabled = true;
    try {
      await this.#desk.api.post(`/conversations/${this.#id}/note`, { text });
      this.#clear();
      if (!this.#form.querySelector("[data-mode=reply]").disabled) this.mode("reply");
      this.#desk.talk.changed();
    } catch (error) {
      this.#say(error.message || t("kept_here"), "bad");
    } finally {
      this.#sendButton.disabled = false;
    }
  }

  #whyNot(conversation) {
    return conversation.may_write.allowed ? "" : conversation.may_write.rule || "rule";
  }

  #closed(rule) {
    const known = ["whatsapp_window", "opted_out", "blocked", "closed"].includes(rule) ? rule : "rule";
    return h("p", { class: "banner", "data-tone": "wait" }, icon("lock"), h("span", { class: "grow" }, h("strong", {}, t(`cannot_${known}`)), " ", t(`cannot_${known}_more`, { rule })));
  }

  #untaken(conversation) {
    const holder = holderOf(conversation);
    if (conversation.status === "closed") return this.#closed("closed");
    const isOver = conversation.status === "resolved";
    const [text, more] = isOver ? ["is_resolved", "is_resolved_more"] : { ai: ["ai_holds", "ai_holds_more"], nobody: ["nobody_holds", "nobody_holds_more"], op: ["other_holds", "other_holds_more"] }[holder];
    const values = { name: conversation.holder.name, time: conversation.waiting_since ? waited(conversation.waiting_since) : "", position: conversation.standing?.position ?? 1,
      at: conversation.assigned_at ? clock(conversation.assigned_at) : "" };
    const may = this.#desk.me.may;
    const act = isOver ? may.write && button(t("reopen"), { look: "btn-main", mark: "refresh", act: () => this.#desk.acts.do("reopen") })
      : holder === "op" ? may.assign && button(t("pull"), { mark: "headset", act: () => this.#desk.acts.do("pull") })
      : may.write && button(t("take_over"), { look: "btn-main", mark: "headset", key: "T", act: () => this.#desk.acts.do("take-over") });
    const tone = isOver ? null : { ai: "ai", nobody: "wait", op: "op" }[holder];
    return h("p", { class: "banner gate", "data-tone": tone }, icon(isOver ? "check" : { ai: "bot", nobody: "hand", op: "users" }[holder]),
      h("span", { class: "grow" }, h("strong", {}, t(text, values)), " ", t(more, values)), act);
  }

  // The text

  #input() {
    const over = [...this.#text.value].length - (this.isReply ? MOST : MOST_NOTE);
    this.#say(over > 0 ? t("too_long", { over, most: this.isReply ? MOST : MOST_NOTE }) : "", "bad");
    this.#drafts[`${this.#id}:${this.#mode}`] = this.#text.value.slice(0, 200_000);
    if (!this.#text.value) delete this.#drafts[`${this.#id}:${this.#mode}`];
    this.#keep();
    if (this.isReply) this.#types(this.#text.value.trim());
  }

  #types(text) {
    const now = Date.now();
    if (text ? now - this.#typedAt < TYPES_EVERY : !this.#typedAt) return;
    this.#typedAt = text ? now : 0;
    this.#desk.live.send({ type: "typing", id: this.#id, text: text.slice(0, 120) });
  }

  #swap(mode) {
    if (mode === this.#mode) return;
    this.#types("");
    this.#mode = mode;
    this.#text.value = this.#draft();
  }

  #draft() { return this.#drafts[`${this.#id}:${this.#mode}`] ?? ""; }

  #clear() {
    this.#text.value = "";
    this.#input();
  }

  #keep() {
    kept.put(`${this.#place}:drafts`, this.#drafts);
    kept.put(`${this.#place}:outgoing`, this.#outgoing);
  }

  #say(text, tone = "") {
    this.#help.textContent = text;
    this.#help.dataset.tone = tone;
    this.#text.setAttribute("aria-invalid", String(Boolean(text)));
  }

  #drawTabs() {
    this.#form.dataset.mode = this.#mode;
    for (const tab of this.#form.querySelectorAll("[data-mode]")) {
      tab.setAttribute("aria-selected", String(tab.dataset.mode === this.#mode));
      tab.tabIndex = tab.dataset.mode === this.#mode ? 0 : -1;
    }
    const label = this.isReply ? t("reply_to", { name: this.#desk.nameOf(this.#desk.talk.conversation) }) : t("write_note");
    this.#text.setAttribute("aria-label", label);
    this.#text.placeholder = this.isReply ? t(isLive(this.#desk.talk.conversation) ? "spoken_hint" : "reply_hint") : t("note_hint");
    this.#sendButton.querySelector("span").textContent = this.isReply ? t("send") : t("keep_note");
  }
}
