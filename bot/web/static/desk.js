// The desk: joins its parts. What the page was made with is drawn at once, without asking for anything.
import { Acts, actions } from "./desk-acts.js";
import { Api } from "./desk-api.js";
import { Canned } from "./desk-canned.js";
import { Composer } from "./desk-composer.js";
import { toast } from "./desk-dialog.js";
import { button, fill, h, human, icon, newKey } from "./desk-dom.js";
import { help, listenToKeys } from "./desk-keys.js";
import { Live } from "./desk-live.js";
import { Me } from "./desk-me.js";
import { Person } from "./desk-person.js";
import { Queue } from "./desk-queue.js";
import { Rows } from "./desk-rows.js";
import { Search } from "./desk-search.js";
import { Talk } from "./desk-talk.js";
import { t } from "./desk-words.js";

const LOOK = 20_000; // how often to look at what is open, told or not
const TYPING = 6500;
const data = JSON.parse(document.getElementById("desk-data").textContent);

class Desk {
  me = data.me;
  newKey = newKey;
  #typing = new Map(); // who types in what is open -> {name, draft, until}
  #known = new Set();
  #drawing = 0;
  #isExpired = false;
  #meAsked = 0;

  constructor() {
    this.api = new Api(data.csrf, { expired: () => this.#status("expired") });
    this.rows = new Rows(this.me.id, (row, before) => this.#rowChanged(row, before));
    this.queue = new Queue(this, document.querySelector("[data-queue]"));
    this.talk = new Talk(this);
    this.composer = new Composer(this, data.files);
    this.canned = new Canned(this);
    this.person = new Person(this);
    this.acts = new Acts(this);
    this.search = new Search(this);
    this.status = new Me(this);
    this.live = new Live({ hear: (frame) => this.#hear(frame), status: (status) => this.#status(status) });
    listenToKeys(this);
    for (const one of document.querySelectorAll("[data-go]")) one.addEventListener("click", () => this.go(one.dataset.go));
    for (const one of document.querySelectorAll("[data-keys]")) one.addEventListener("click", help);
    document.querySelector("[data-begin-canned]").addEventListener("click", () => this.canned.begin());
    addEventListener("popstate", ({ state }) => { this.open(state?.id ?? "", { isBack: true }); this.go(state?.pane ?? "queue"); });
    setInterval(() => this.#look(), LOOK);
    setInterval(() => this.#drawTyping(), 1000);
  }

  start() {
    for (const [view, page] of Object.entries(data.lists)) this.rows.load(view, page);
    this.queue.counts(data.counts);
    if (data.open) this.#show(data.open.conversation, data.open);
    else this.talk.show(null);
    history.replaceState({ id: this.talk.id, pane: document.body.dataset.pane }, ""); // what is shown at first comes back as it was
    this.queue.draw();
    this.live.start();
    this.composer.flush();
    performance.mark("desk-painted");
  }

  nameOf(row) { return row?.person?.name || t("no_name"); }
  personOf(row) { return row.person ?? { name: "", initials: "", phone: "" }; }

  /** Opens a conversation; `quietly`: one only walks along the queue, the pane stays. */
  async open(id, { isBack = false, quietly = false } = {}) {
    if (!isBack && id !== this.talk.id) history.pushState({ id, pane: "talk" }, "", id ? `/desk?c=${encodeURIComponent(id)}` : "/desk");
    if (!quietly) this.go(id ? "talk" : "queue");
    this.queue.open(id);
    if (!id) { this.live.look(""); this.talk.show(null); this.person.show(null); return; }
    if (id === this.talk.id) return;
    try {
      const [conversation, timeline] = await Promise.all([this.api.get(`/conversations/${id}`), this.api.get(`/conversations/${id}/messages?limit=50`)]);
      this.rows.put(conversation);
      this.#show(conversation, { timeline });
    } catch (error) {
      this.tell(error);
    }
  }

  /** Which pane a small screen shows. */
  go(pane) { document.body.dataset.pane = pane; }

  /** One step back; nothing that was written is lost by it. */
  back() {
    const pane = document.body.dataset.pane;
    if (document.activeElement === this.composer.field) document.activeElement.blur();
    else if (pane === "person") this.go("talk");
    else if (pane === "talk") this.go("queue");
  }

  /** What went wrong, in the API's own sentence. */
  tell(error) {
    if (error.isExpired) return;
    if (!(error.status >= 0)) throw error;
    toast(error.isLost ? t("no_answer") : error.message, { mark: "warn" });
  }

  conversationChanged(conversation) {
    this.rows.put(conversation);
    this.#drawOpen();
    this.person.soon();
  }

  /** A reply of mine is accepted. */
  sent() { this.talk.changed(); }

  /** Lists and what is open are read anew. */
  async refresh() {
    await Promise.all([this.queue.refresh(), this.talk.id && this.talk.changed(), this.readMe()]);
  }

  async team() {
    const [users, queues] = await Promise.all([this.api.get("/users?operators=true"), this.api.get("/queues")]);
    return [users.items, queues.items];
  }

  #show(conversation, { timeline, person = null }) {
    this.#typing.clear();
    for (const { id, name } of conversation.typing) if (id === "person") this.#typing.set(id, { who: id, name, until: Date.now() + TYPING });
    this.talk.show(conversation, timeline);
    this.queue.open(conversation.id);
    this.composer.show(conversation);
    this.#drawOpen();
    this.person.show(conversation, person);
    this.live.look(conversation.id);
    this.#read();
  }

  #drawOpen() {
    const { conversation } = this.talk;
    if (!conversation) return;
    fill(document.querySelector("[data-actions]"), actions(this, conversation));
    this.composer.draw(conversation);
    this.person.draw(conversation);
    this.#drawTyping();
  }

  /** What is seen is read. */
  #read() {
    const { conversation } = this.talk;
    if (!conversation?.unread || !this.rows.isMine(conversation) || document.visibilityState !== "visible") return;
    this.api.post(`/conversations/${conversation.id}/read`).catch(() => {});
  }

  // News

  #hear(frame) {
    if (frame.type === "hello") { if (this.#known.size) this.refresh(); this.#known.add("hello"); this.composer.flush(); }
    if (frame.type === "row") this.rows.put(frame.row);
    if (frame.type === "timeline" && frame.id === this.talk.id) this.talk.changed().then(() => this.#read());
    if (frame.type === "queues") this.queue.counts(frame);
    if (frame.type === "presence") this.readMe();
    if (frame.type === "typing" && frame.id === this.talk.id) {
      if (frame.who !== "person" && !frame.draft) this.#typing.delete(frame.who);
      else this.#typing.set(frame.who, { ...frame, until: Date.now() + TYPING });
      this.#drawTyping();
    }
  }

  #rowChanged(row, before) {
    if (row && this.rows.is("waiting", row) && !(before && this.rows.is("waiting", before))) this.#announce(t("now_waits", { name: this.nameOf(row) }));
    if (row && before && this.rows.isMine(row) !== this.rows.isMine(before)) this.readMe();
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.queue.draw());
  }

  #announce(text) { document.querySelector("[data-announce]").textContent = text; }

  #drawTyping() {
    const now = Date.now();
    for (const [who, { until }] of this.#typing) if (until < now) this.#typing.delete(who);
    const person = this.#typing.get("person");
    const others = [...this.#typing.values()].filter(({ who }) => who !== "person");
    const place = document.querySelector("[data-typing]");
    const print = JSON.stringify([person?.who, others.map(({ name, draft }) => [name, draft])]);
    if (place.dataset.print === print) return;
    place.dataset.print = print;
    fill(place,
      person && h("p", { class: "small quiet row" }, h("span", { class: "typing", "aria-hidden": "true" }, h("i", {}), h("i", {}), h("i", {})), t("person_types", { name: this.nameOf(this.talk.conversation) })),
      others.map(({ name, draft }) => h("p", { class: "banner", "data-tone": "wait" }, icon("users"),
        h("span", { class: "grow" }, h("strong", {}, t("writes_here", { name })), " ", human("span", `“${draft}”`)))));
  }

  /** How I am; of several answers that cross, that to the last question counts. */
  async readMe() {
    const asked = (this.#meAsked += 1);
    try {
      const me = await this.api.get("/me");
      if (asked !== this.#meAsked) return;
      Object.assign(this.me, read(me));
      this.status.draw();
    } catch { /* the next time */ }
  }

  #look() {
    if (document.visibilityState !== "visible" || !this.talk.id) return;
    this.talk.changed();
    this.composer.flush();
  }

  // The connection

  #status(status) {
    const place = document.querySelector("[data-trouble]");
    if (status === "lost" && this.#isExpired) return;
    if (status === "lost") this.readMe(); // it may be the session that is over
    this.#isExpired = status === "expired";
    place.hidden = status === "ready";
    if (status === "ready") { this.composer.flush(); return; }
    const again = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    fill(place, icon("off"), h("span", { class: "grow" }, h("strong", {}, t(status === "expired" ? "expired" : "offline")), " ", t(status === "expired" ? "expired_more" : "offline_more")),
      status === "expired" ? h("a", { class: "btn btn-s", href: again }, t("sign_in_again")) : button(t("try_now"), { look: "btn-s", act: () => this.live.start() }));
  }
}

const read = ({ status, open, most }) => Object.fromEntries(Object.entries({ status, open, most }).filter(([, value]) => value !== undefined));

new Desk().start();
