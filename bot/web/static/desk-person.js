// The person beside the conversation: their record, what is open and past, what the AI remembers.
import { avatar, badge, button, fill, h, human, icon } from "./desk-dom.js";
import { area, ask, field, line, select, toast } from "./desk-dialog.js";
import { date, languageName, long, t, when, word } from "./desk-words.js";

const PRIORITIES = ["low", "medium", "high", "urgent"];
const CATEGORIES = ["support", "sales", "billing", "technical", "complaint", "other"];
const TICKET_CATEGORIES = ["general_inquiry", "technical_support", "billing", "product_inquiry", "complaint", "feature_request", "bug_report", "other"];
const TICKET_STATUSES = ["open", "in_progress", "waiting_customer", "waiting_internal", "resolved", "closed"];
const TONES = { open: "wait", in_progress: "wait", waiting_customer: "", resolved: "ok", closed: "" };

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
    const since = this.#person?.first_contact ?? this.#person?.created_at;
    const count = this.#person?.conversations?.length;
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
        this.#desk.me.may.write && button(t("tag"), { mark: "plus", key: "#", look: "btn-bare btn-s", act: () => this.#desk.acts.do("tags"), "data-keep": "tag" })));
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
    const rows = [
      [t("phone"), bdi(one.phone)], [t("email"), bdi(one.email)],
      [t("address"), one.address && human("span", typeof one.address === "string" ? one.address : [one.address.street, one.address.city, one.address.state].filter(Boolean).join(", "))],
      [t("language_of"), one.language && languageName(one.language)],
      [t("segment"), one.segment && badge(word("segment", one.segment), "line")],
      [t("blocked"), one.is_blocked && badge(t("yes"), "bad", "warn")],
      [t("record_notes"), one.notes && human("span", one.notes, { class: "said" })],
    ].filter(([, value]) => value);
    return h("section", { class: "stack" }, h("h3", { class: "over" }, t("person")),
      h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      this.#desk.me.may.write && button(t("write_to_them"), { mark: "send", look: "btn-s", act: () => this.#desk.acts.begin({ id: one.id, name: one.name }), "data-keep": "begin" }));
  }

  #tickets(one, conversation) {
    const tickets = one.tickets ?? [];
    return h("section", { class: "stack" },
      h("h3", { class: "over" }, t("tickets"), this.#desk.me.may.tickets && button(t("new_ticket"), { look: "btn-bare btn-s push", mark: "plus", act: () => this.#newTicket(conversation), "data-keep": "ticket" })),
      tickets.length ? tickets.map((ticket) => this.#ticket(ticket)) : h("p", { class: "small quiet" }, t("no_tickets")));
  }

  #ticket(ticket) {
    const number = ticket.number ?? ticket.ticket_id;
    const inside = [icon("ticket"), h("span", { class: "grow" },
      h("span", { class: "row" }, h("bdi", { class: "mono small" }, number), h("span", { class: "push" }, badge(word("ticket", ticket.status), TONES[ticket.status] ?? "wait"))),
      human("span", ticket.subject, { class: "small soft cut block" }))];
    if (!this.#desk.me.may.tickets) return h("div", { class: "mini" }, inside);
    return h("button", { class: "mini", type: "button", "data-keep": number, on: { click: () => this.#changeTicket(ticket, number) } }, inside);
  }

  async #newTicket(conversation) {
    const [subject, description] = [line("", { maxlength: "200" }), area()];
    const [category, priority] = [select(TICKET_CATEGORIES.map((one) => [one, word("category", one)]), "general_inquiry"),
      select(PRIORITIES.map((one) => [one, word("priority", one)]), conversation.priority)];
    const given = await ask({ title: t("new_ticket"), mark: "ticket", done: t("create"),
      fields: [field(t("subject"), subject), field(t("description"), description), h("div", { class: "twos" }, field(t("category"), category), field(t("priority"), priority))],
      check: () => (subject.value.trim() && description.value.trim() ? "" : t("write_some_words")),
      read: () => ({ customer_id: conversation.person.id, conversation_id: conversation.id, subject: subject.value.trim(), description: description.value.trim(), category: category.value, priority: priority.value }) });
    if (!given) return;
    try {
      const made = await this.#desk.api.post("/tickets", given);
      toast(t("ticket_made", { number: made.number ?? made.ticket_id }));
      await this.refresh();
    } catch (error) {
      this.#desk.tell(error);
    }
  }

  async #changeTicket(ticket, number) {
    const status = select(TICKET_STATUSES.map((one) => [one, word("ticket", one)]), ticket.status);
    const priority = select(PRIORITIES.map((one) => [one, word("priority", one)]), ticket.priority);
    const note = area("", { rows: "3" });
    const given = await ask({ title: number, mark: "ticket", done: t("save"), read: () => ({ status: status.value, priority: priority.value, note: note.value.trim() }),
      fields: [human("p", ticket.subject, { class: "strong" }), human("p", ticket.description ?? "", { class: "soft said" }),
        h("div", { class: "twos" }, field(t("status"), status), field(t("priority"), priority)), field(t("note"), note)] });
    if (!given) return;
    const path = `/tickets/${encodeURIComponent(number)}`;
    try {
      if (given.priority !== ticket.priority) await this.#desk.api.patch(path, { priority: given.priority });
      if (given.note) await this.#desk.api.post(`${path}/notes`, { text: given.note });
      if (given.status !== ticket.status) await this.#desk.api.post(`${path}/status`, { status: given.status });
      toast(t("saved"));
    } catch (error) {
      this.#desk.tell(error);
    }
    await this.refresh();
  }

  #events(one) {
    const mini = (mark, text, more) => h("div", { class: "mini" }, icon(mark), h("span", { class: "grow" }, human("span", text, { class: "small block" }), human("span", more, { class: "tiny quiet block" })));
    const shown = [
      ...(one.callbacks ?? []).map((call) => mini("cal", t("callback_at", { at: long(call.at ?? call.scheduled_at) }), [call.purpose ?? call.reason ?? call.notes, word("callback", call.status)].filter(Boolean).join(" · "))),
      ...(one.calls ?? []).map((call) => mini("phone", t("call_at", { at: long(call.at ?? call.started_at ?? call.created_at) }), [word("call", call.status), call.summary].filter(Boolean).join(" · "))),
      ...(one.leads ?? []).map((lead) => mini("leads", t("lead_of", { name: lead.name || lead.source || "" }), [word("lead", lead.status), lead.interest].filter(Boolean).join(" · "))),
    ];
    return shown.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, t("coming_and_past")), shown) : null;
  }

  #memory(one) {
    const facts = one.memory ?? one.memories ?? [];
    return facts.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, icon("bot", true), t("remembers")),
      h("ul", { class: "facts-list" }, facts.map((fact) => h("li", {}, human("span", fact.text ?? fact.content ?? "", { class: "grow" }), h("span", { class: "tiny quiet" }, fact.at ? date(fact.at) : ""))))) : null;
  }

  #before(one, conversation) {
    const others = (one.conversations ?? []).filter(({ id }) => id !== conversation.id).slice(0, 5);
    return others.length ? h("section", { class: "stack" }, h("h3", { class: "over" }, t("other_conversations")),
      others.map((other) => h("a", { class: "mini", href: `/desk?c=${encodeURIComponent(other.id)}`, on: { click: (event) => { event.preventDefault(); this.#desk.open(other.id); } } },
        icon("chat"), h("span", { class: "grow" }, h("span", { class: "row" }, h("span", { class: "small grow" }, t(`channel_${other.channel}`)), badge(word("status", other.status))),
          human("span", other.last?.text ?? "", { class: "tiny quiet cut block" }), h("span", { class: "tiny quiet" }, other.updated_at ? when(other.updated_at) : ""))))) : null;
  }

  #cost({ cost, rating }) {
    return [rating && h("p", { class: "small" }, t("rated", { rating: rating.rating }), rating.comment ? human("span", ` “${rating.comment}”`) : ""),
      cost?.micros > 0 && h("p", { class: "tiny quiet cost" }, t("cost", { dollars: (cost.micros / 1e6).toFixed(4) }))];
  }
}
