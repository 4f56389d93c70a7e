// The conversation that is open: who holds it, why it came here, its timeline.
import { isLive, timer } from "./desk-calls.js";
import { avatar, badge, button, fill, h, human, keyed } from "./desk-dom.js";
import { drawn, withHolders } from "./desk-entries.js";
import { holderOf } from "./desk-rows.js";
import { clock, dayOf, languageName, moment, span, t, waited, word } from "./desk-words.js";

const PAGE = 50;
const NEAR = 80; // so near to the end, one sees the end

export class Talk {
  #desk;
  #head = document.querySelector("[data-talk-head]");
  #brief = document.querySelector("[data-brief]");
  #list = document.querySelector("[data-timeline]");
  #new = document.querySelector("[data-new]");
  #empty = document.querySelector("[data-talk-empty]");
  #body = document.querySelector("[data-talk-body]");
  #entries = new Map();
  #before = null;
  #unseen = 0;
  #loading = null;
  #again = false;
  #isFolded = matchMedia("(max-width: 56rem)").matches; // a telephone has room for the conversation only
  #sticks = true; // the end is what is looked at
  #top = 0;

  conversation = null;

  constructor(desk) {
    this.#desk = desk;
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#new.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => { if (this.#sticks) this.toEnd(); }).observe(this.#list); // what is drawn above or below takes room
    setInterval(() => { if (this.conversation) this.#drawHolder(); }, 10_000);
  }

  get id() { return this.conversation?.id ?? ""; }

  /** Another conversation; what the page was made with needs not be asked for. */
  show(conversation, page) {
    const isOther = conversation?.id !== this.id;
    this.conversation = conversation;
    this.#empty.hidden = Boolean(conversation);
    this.#body.hidden = !conversation;
    if (!conversation) return;
    if (isOther) {
      this.#entries.clear();
      this.#list.replaceChildren();
      this.#unseen = 0;
      this.#before = null;
    }
    this.#drawHead();
    this.#drawBrief();
    if (page) this.#take(page, { isFirst: isOther });
  }

  /** The row has news: what is shown of the conversation follows. */
  async changed() {
    if (this.#loading) { this.#again = true; return; }
    const { id } = this;
    this.#loading = this.#read(id);
    await this.#loading;
    this.#loading = null;
    if (this.#again) { this.#again = false; this.changed(); }
  }

  draw() { if (this.conversation) this.#drawEntries(); }

  async #read(id) {
    try {
      const [conversation, page] = await Promise.all([
        this.#desk.api.get(`/conversations/${id}`), this.#desk.api.get(`/conversations/${id}/messages?limit=${PAGE}`)]);
      if (this.id !== id) return;
      this.conversation = conversation;
      this.#drawHead();
      this.#drawBrief();
      this.#take(page, { isFirst: false });
      this.#desk.conversationChanged(conversation);
    } catch (error) {
      this.#desk.tell(error);
    }
  }

  #take({ items, before }, { isFirst, isOlder = false }) {
    const isAtEnd = isFirst || this.#sticks;
    const fresh = items.filter(({ id }) => !this.#entries.has(id));
    for (const entry of items) this.#entries.set(entry.id, entry);
    if (isFirst || isOlder) this.#before = before;
    const height = this.#list.scrollHeight - this.#list.scrollTop;
    this.#drawEntries();
    if (isOlder) this.#list.scrollTop = this.#list.scrollHeight - height;
    else if (isAtEnd) this.toEnd();
    else this.#tellNew(fresh.filter(({ by }) => by === "customer").length);
  }

  #drawEntries() {
    const sent = new Set([...this.#entries.values()].map(({ client_id: key }) => key).filter(Boolean));
    const pending = this.#desk.composer.pending(this.id).filter(({ id }) => !sent.has(id));
    const known = [...this.#entries.values()].sort((one, other) => one.at.localeCompare(other.at) || one.id.localeCompare(other.id));
    const all = withHolders([...known, ...pending], holderOf(this.conversation));
    const shown = [];
    for (const entry of all) {
      if (!shown.length || dayOf(shown.at(-1).at) !== dayOf(entry.at)) shown.push({ kind: "day", id: `day-${dayOf(entry.at)}`, at: entry.at, holder: entry.holder });
      shown.push(entry);
    }
    const { composer } = this.#desk;
    const grown = () => { if (this.#sticks) this.toEnd(); };
    const to = { me: this.#desk.me.id, again: (entry) => composer.again(entry), drop: (entry) => composer.drop(entry), grown };
    keyed(this.#list, shown, {
      key: ({ id }) => id,
      make: (entry) => Object.assign(drawn(entry, to), { print: JSON.stringify(entry) }),
      same: (element, entry) => element.print === JSON.stringify(entry),
    });
  }

  #drawHead() {
    const { channel } = this.conversation;
    const person = this.#desk.personOf(this.conversation);
    const about = [t(`channel_${channel}`), person.phone, languageName(person.language)].filter(Boolean);
    fill(this.#head.querySelector("[data-face]"), avatar(person, channel));
    const name = this.#head.querySelector("[data-name]");
    name.textContent = person.name || t("no_name");
    name.title = person.name ?? "";
    fill(this.#head.querySelector("[data-about]"), about.map((one, index) => [index > 0 && " · ", h("bdi", {}, one)]));
    this.#drawHolder();
  }

  #drawHolder() {
    const { conversation } = this;
    const holder = holderOf(conversation);
    const isMine = this.#desk.rows.isMine(conversation);
    const isOver = ["resolved", "closed"].includes(conversation.status);
    const text = isOver ? word("status", conversation.status)
      : isMine ? t("yours")
      : holder === "ai" ? t("held_by_ai")
      : holder === "nobody" ? (conversation.waiting_since ? t("waits", { time: waited(conversation.waiting_since) }) : t("waiting_now"))
      : t("held_by", { name: conversation.holder.name });
    const mark = isOver ? "check" : { ai: "bot", nobody: "hand", op: "headset" }[holder];
    const snoozed = conversation.snoozed_until && Date.parse(conversation.snoozed_until) > Date.now();
    fill(this.#head.querySelector("[data-holder-badge]"), isLive(conversation) && timer(conversation), badge(text, isOver ? "" : { ai: "ai", nobody: "wait", op: "op" }[holder], mark),
      snoozed && badge(t("snoozed_until", { at: moment(conversation.snoozed_until) }), "", "snooze"));
    this.#list.dataset.held = holder;
  }

  #drawBrief() {
    const { conversation } = this;
    const { summary } = conversation;
    this.#brief.hidden = !summary?.text;
    if (!summary?.text) return;
    const held = conversation.handoffs.find(({ waited_ms: time, at }) => time && at >= summary.at);
    const fold = button("", { mark: "down", look: "btn-bare btn-icon btn-s", label: t("fold"), "aria-expanded": String(!this.#isFolded),
      act: () => { this.#isFolded = !this.#isFolded; this.#drawBrief(); } });
    fill(this.#brief,
      h("div", { class: "brief-why" },
        badge(word("cause", summary.cause), "wait", "hand"),
        h("span", { class: "tiny quiet" }, clock(summary.at), held ? ` · ${t("had_waited", { time: span(Math.round(held.waited_ms / 1000)) })}` : ""),
        h("span", { class: "tiny tone push not-phone", "data-tone": summary.by ? "ai" : null }, summary.by ? t("summary_by_ai") : t("summary_extract")),
        fold),
      !this.#isFolded && human("p", summary.text, { class: "said" }));
  }

  // Where one looks

  #isAtEnd() { return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < NEAR; }

  toEnd() {
    this.#sticks = true;
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#unseen = 0;
    this.#new.hidden = true;
  }

  #tellNew(count) {
    this.#unseen += count;
    this.#new.hidden = !this.#unseen;
    this.#new.lastElementChild.textContent = this.#unseen === 1 ? t("new_one") : t("new_many", { count: this.#unseen });
  }

  async #scrolled() {
    this.#sticks = this.#isAtEnd() || (this.#sticks && this.#list.scrollTop >= this.#top); // not where only the pane became smaller
    this.#top = this.#list.scrollTop;
    if (this.#sticks) { this.#unseen = 0; this.#new.hidden = true; }
    if (this.#list.scrollTop > 200 || !this.#before || this.#loading) return;
    const { id } = this;
    const before = this.#before;
    this.#before = null;
    try {
      const page = await this.#desk.api.get(`/conversations/${id}/messages?limit=${PAGE}&before=${encodeURIComponent(before)}`);
      if (this.id === id) this.#take(page, { isFirst: false, isOlder: true });
    } catch (error) {
      this.#before = before;
      this.#desk.tell(error);
    }
  }
}

