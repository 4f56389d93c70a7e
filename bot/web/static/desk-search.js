// Ctrl K: people, and what was said.
import { avatar, fill, h, human, icon } from "./desk-dom.js";
import { changeTicket } from "./desk-tickets.js";
import { t, when } from "./desk-words.js";

export class Search {
  #desk;
  #field = null;
  #list = null;
  #asked = 0;
  #timer = 0;

  constructor(desk) {
    this.#desk = desk;
    for (const way of document.querySelectorAll("[data-find]")) way.addEventListener("click", () => this.open());
  }

  open() {
    if (document.querySelector("dialog[open]")) return;
    this.#field = h("input", { class: "input", type: "search", role: "combobox", "aria-expanded": "true", "aria-controls": "found", "aria-autocomplete": "list",
      "aria-label": t("search"), placeholder: t("search"), autocomplete: "off", dir: "auto", maxlength: "200", on: { input: () => this.#input(), keydown: (event) => this.#key(event) } });
    this.#list = h("ul", { id: "found", role: "listbox", "aria-label": t("found") });
    const dialog = h("dialog", { class: "dialog dialog-wide search", "aria-label": t("search"), on: {
      close: () => dialog.remove(), click: (event) => { if (event.target === dialog) dialog.close(); } } },
    h("div", { class: "dialog-body" }, h("div", { class: "row" }, icon("search"), this.#field), h("p", { class: "small quiet", role: "status", "data-told": true }, t("search_help")), this.#list));
    document.body.append(dialog);
    dialog.showModal();
    this.#field.focus();
  }

  #input() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), 150);
  }

  async #look() {
    const text = this.#field.value.trim();
    const asked = (this.#asked += 1);
    if (text.length < 2) { fill(this.#list); this.#tell(t("search_help")); return; }
    try {
      const found = await this.#desk.api.get(`/search?q=${encodeURIComponent(text)}`);
      if (asked === this.#asked) this.#draw(found);
    } catch (error) {
      if (asked === this.#asked) this.#tell(error.message || t("no_answer"));
    }
  }

  #draw(found) {
    const { people, messages, tickets } = found;
    this.#tell(people.length + messages.length + tickets.length ? "" : t("nothing_found"));
    fill(this.#list,
      people.map((person) => this.#option(() => this.#person(person), avatar(person, "", "avatar-s"), human("span", person.name || t("no_name"), { class: "grow cut" }), h("bdi", { class: "tiny quiet" }, person.phone ?? ""))),
      messages.map((message) => this.#option(() => this.#desk.open(message.conversation_id), icon("chat"),
        human("span", [message.person?.name, message.text].filter(Boolean).join(": "), { class: "grow cut" }), h("span", { class: "tiny quiet" }, when(message.at)))),
      tickets.map((ticket) => this.#option(() => changeTicket(this.#desk, ticket.number), icon("ticket"), human("span", ticket.subject, { class: "grow cut" }), h("bdi", { class: "tiny quiet mono" }, ticket.number))));
    this.#choose(0);
  }

  #option(act, ...inside) {
    const option = h("li", { role: "option", class: "row", id: `found-${this.#list.children.length}-${Math.random().toString(36).slice(2)}`, "aria-selected": "false",
      on: { click: () => this.#take(option) } }, inside);
    option.act = act;
    return option;
  }

  async #person(person) {
    const { items } = await this.#desk.api.get(`/conversations?view=all&customer_id=${encodeURIComponent(person.id)}&limit=1`);
    if (items.length) await this.#desk.open(items[0].id);
    else await this.#desk.acts.begin(person);
  }

  #key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...this.#list.children];
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (by) {
      event.preventDefault();
      this.#choose((at + by + all.length) % all.length);
    } else if (event.key === "Escape") { // a field for searching would only be emptied by it
      event.preventDefault();
      this.#field.closest("dialog").close();
    } else if (event.key === "Enter" && all[at]) {
      event.preventDefault();
      this.#take(all[at]);
    }
  }

  #choose(at) {
    [...this.#list.children].forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    const chosen = this.#list.children[at];
    chosen?.scrollIntoView({ block: "nearest" });
    if (chosen) this.#field.setAttribute("aria-activedescendant", chosen.id);
  }

  #take(option) {
    this.#field.closest("dialog").close();
    Promise.resolve(option.act()).catch((error) => this.#desk.tell(error));
  }

  #tell(text) { this.#list.previousElementSibling.textContent = text; }
}
