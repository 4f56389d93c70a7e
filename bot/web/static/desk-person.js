// The person beside the conversation: their record, what is open and past, what the AI remembers.
import { placeCall } from "./desk-calls.js";
import { avatar, badge, button, fill, h, human, icon } from "./desk-dom.js";
import { field, select } from "./desk-dialog.js";
import { changeTicket, newTicket } from "./desk-tickets.js";
import { date, languageName, long, span, t, when, word } from "./desk-words.js";

const PRIORITIES = ["low", "medium", "high", "urgent"];
const CATEGORIES = ["support", "sales", "billing", "technical", "complaint", "other"];
const TONES = { resolved: "ok", closed: "", waiting_customer: "" };

export class Person {
  #desk;
  #place = document.querySelector("[data-person]");
  #person = null;
  #asked = "";
  #failed = "";
  #timer = 0;

  constructor(desk) { this.#desk = desk; }

  /** Beside this conversation; `person` where the page has it already. */
  async show(conversation, person = null) {
    const id = conversation?.person?.id ?? "";
    if (person) this.#person = person;
    if (id !== this.#asked) {
      this.#asked = id;
      this.#failed = "";
      if (!person) { this.#person = null; this.draw(conversation); await this.refresh(); return; }
    }
    this.draw(conversation);
  }

  /** Reads the record anew, a moment after whatever may have changed it. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), 1500);
  }

  async refresh() {
    const id = this.#asked;
    if (!id) return;
    try {
      const person = await this.#desk.api.get(`/people/${id}`);
      if (id !== this.#asked) return;
      this.#person = person;
      this.#failed = "";
    } catch (error) {
      if (id !== this.#asked) return;
      this.#failed = error.message || t("no_answer");
    }
    this.draw(this.#desk.talk.conversation);
  }

  draw(conversation) {
    this.#place.hidden = !conversation;
    if (!conversation) return;
    const who = this.#desk.personOf(conversation);
    const focused = this.#place.contains(document.activeElement) ? document.activeElement.dataset.keep : "";
    fill(this.#place,
      h("div", { class: "person-head" }, avatar(who, "", "avatar-l"),
        h("div", { class: "grow" }, human("h2", this.#desk.nameOf(conversation)), this.#since())),
      h("div", { class: "pane-scroll person-body" }, this.#ofConversation(conversation), this.#failed ? this.#trouble() : this.#record(conversation)));
    if (focused) this.#place.querySelector(`[data-keep="${focused}"]`)?.focus();
  }

  #since() {
    const since = this.#person?.first_contact;
    const count = this.#person?.counts.conversations;
    return h("p", { class: "small quiet" }, since ? t("since", { at: date(since) }) : "", count ? ` · ${count === 1 ? t("conversation_1") : t("conversation_n", { count })}` : "");
  }

  #ofConversation(conversation) {
    const choose = (kind, values, value) => {
      const control = select(values.map((one) => [one, word(kind, one)]), value);
      control.dataset.keep = kind;
      control.disabled = !this.#desk.me.may.write;
      control.addEventListener("change", () => this.#desk.acts.set(kind, { [kind]: control.value }));
      return control;
    };
    return h("section", { class: "stack" }, h("h3", { class: "over" }, t("this_conversation"), h("bdi", { class: "push mono tiny quiet" }, conversation.number ?? "")),
      h("div", { class: "twos" }, field(t("priority"), choose("priority", PRIORITIES, conversation.priority)), field(t("category"), choose("category", CATEGORIES, conversation.category))),
      h("div", { class: "row row-wrap" }, conversation.tags.map((tag) => badge(tag, "line", "tag")),
        this.#desk.me.may.write && button(t("tag"), { mark: "plus", key: "#", look: "btn-bare btn-s", act: () => this.#desk.acts.do("tags"), "data-keep": "tag" })),
      h("div", { class: "row only-phone" }, ["transfer", "snooze"].filter((what) => this.#desk.acts.may(what, conversation))
        .map((what) => button(t(what), { mark: what === "snooze" ? what : "swap", act: () => this.#desk.acts.do(what) }))));
  }

  #trouble() {
    return h("div", { class: "empty" }, icon("warn"), h("h3", {}, t("record_failed")), h("p", { class: "small" }, t("record_failed_more"), " ", this.#failed),
      button(t("try_again"), { mark: "refresh", act: () => this.refresh() }));
  }

  #record(conversation) {
    if (!conversation.person) return h("p", { class: "small quiet" }, t("no_record"));
    const one = this.#person;
    if (!one) return h("p", { class: "small quiet" }, t("loading"));
    return [this.#facts(one), this.#tickets(one, conversation), this.#events(one), this.#memory(one), this.#before(one, conversation), this.#cost(conversation)];
  }

  #facts(one) {
    const bdi = (text) => text && h("bdi", {}, text);
    const address = one.address && [one.address.street, one.address.city, one.address.state].filter(Boolean).join(", ");
    const rows = [
      [t("phone"), bdi(one.phone)], [t("email"), bdi(one.email)],
      [t("address"), address && human("span", address)],
      [t("language_of"), one.language && languageName(one.language)],
      [t("segment"), one.segment && badge(word("segment", one.segment), "line")],
      [t("blocked"), one.is_blocked && badge(one.block_reason || t("is_blocked"), "bad", "warn")],
      [t("record_notes"), one.notes && human("span", one.notes, { class: "said" })],
    ].filter(([, value]) => value);
    return h("section", { class: "stack" }, h("h3", { class: "over" }, t("person")),
      h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      this.#desk.me.may.write && h("div", { class: "row row-wrap" },
        button(t("write_to_them"), { mark: "send", look: "btn-s", act: () => this.#desk.acts.begin({ id: one.id, name: one.name }), "data-keep": "begin" }),
        one.phone && this.#desk.me.may.call && button(t("call_back"), { mark: "phone", look: "btn-s", act: () => placeCall(this.#desk, one), "data-keep": "call" })));
  }

  #tickets(one, conversation) {
    const { tickets } = one;
    return h("section", { class: "stack" },
      h("h3", { class: "over" }, t("tickets"), this.#desk.me.may.tickets && button(t("new_ticket"), { look: "btn-bare btn-s push", mark: "plus", act: () => newTicket(this.#desk, conversation), "data-keep": "ticket" })),
      tickets.length ? tickets.map((ticket) => this.#ticket(ticket)) : h("p", { class: "small quiet" }, t("no_tickets")));
  }

  #ticket(ticket) {
    const { number } = ticket;
    const inside = [icon("ticket"), h("span", { class: "grow" },
      h("span", { class: "row" }, h("bdi", { class: "mono small" }, number), h("span", { class: "push" }, badge(word("ticket", ticket.status), TONES[ticket.status] ?? "wait"))),
      human("span", ticket.subject, { class: "small soft cut block" }))];
    if (!this.#desk.me.may.tickets) return h("div", { class: "mini" }, inside);
    return h("button", { class: "mini", type: "button", "data-keep": number, on: { click: () => changeTicket(this.#desk, number) } }, inside);
  }

  #events(one) {
    const mini = (mark, text, more) => h("div", { class: "mini" }, icon(mark), h("span", { class: "grow" }, human("span", text, { class: "small block" }), human("span", more, { class: "tiny quiet block" })));
    const shown = [
      ...one.callbacks.map((call) => mini("cal", t("callback_at", { at: long(call.at) }), [call.notes, word("callback", call.status)].filter(Boolean).join(" · "))),
      ...one.calls.map((call) => mini("phone", t("call_at", { at: call.started_at ? long(call.started_at) : "" }), [word("call", call.status), call.duration && span(call.duration)].filter(Boolean).join(" · "))),
      ...one.leads.map((lead) => mini("leads", t("lead_of", { name: lead.number }), [lead.company, word("lead", lead.status)].filter(Boolean).join(" · "))),
    ];
    return shown.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, t("coming_and_past")), shown) : null;
  }

  #memory(one) {
    return one.memory.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, icon("bot", true), t("remembers")),
      h("ul", { class: "facts-list" }, one.memory.map((fact) => human("li", fact)))) : null;
  }

  #before(one, conversation) {
    const others = one.conversations.filter(({ id }) => id !== conversation.id).slice(0, 5);
    return others.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, t("other_conversations")),
      others.map((other) => h("a", { class: "mini", href: `/desk?c=${encodeURIComponent(other.id)}`, on: { click: (event) => { event.preventDefault(); this.#desk.open(other.id); } } },
        icon("chat"), h("span", { class: "grow" }, h("span", { class: "row" }, h("span", { class: "small grow" }, t(`channel_${other.channel}`)), badge(word("status", other.status))),
          h("bdi", { class: "tiny quiet" }, other.number, other.updated_at ? ` · ${when(other.updated_at)}` : ""))))) : null;
  }

  #cost({ cost, rating, resolution_notes: notes }) {
    return [notes && h("section", { class: "stack" }, h("h3", { class: "over" }, t("what_came_of_it")), human("p", notes, { class: "small said" })),
      rating && h("p", { class: "small" }, t("rated", { rating: rating.rating }), rating.comment ? human("span", ` “${rating.comment}”`) : ""),
      cost?.micros > 0 && h("p", { class: "tiny quiet cost" }, t("cost", { dollars: (cost.micros / 1e6).toFixed(4) }))];
  }
}
