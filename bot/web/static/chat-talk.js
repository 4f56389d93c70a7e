// One conversation on a page: joins what is written, what is shown and the connection. Used by the web chat and the simulated phone.
import { Live } from "./chat-live.js";
import { Log } from "./chat-log.js";
import { Outgoing } from "./chat-outgoing.js";

const TYPES_EVERY = 3000;

export const textsOf = (id) => {
  const texts = JSON.parse(document.getElementById(id).textContent);
  return (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, blank) => values[blank]);
};

export class Talk {
  #page;
  #say;
  #to;
  #log;
  #outgoing;
  #live;
  #field;
  #most = 4000;
  #retry = 0;
  #typedAt = 0;

  /** `page` holds the parts by data-view, -log, -new, -new-text, -write, -text, -help, -trouble, -typing; `place` names what is
   * kept of it. `to`: hello() adds to the first frame; frame(frame) hears all others; empty(bool) whether nothing is said yet. */
  constructor({ page, path, place, say, to }) {
    this.#page = page;
    this.#say = say;
    this.#to = { hello: () => ({}), frame: () => {}, empty: () => {}, ...to };
    this.#outgoing = new Outgoing(place);
    const language = document.documentElement.lang;
    const parts = { view: this.#find("view"), list: this.#find("log"), more: this.#find("new"), moreText: this.#find("new-text") };
    this.#log = new Log({ ...parts, say, language, tap: (button, message) => this.#tap(button, message) });
    this.#field = this.#find("text");
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const hello = () => ({ after: this.#log.newest, ...this.#to.hello() });
    this.#live = new Live(address, { hear: (frame) => this.#hear(frame), status: (status) => this.#showStatus(status), hello });
    this.#listen();
  }

  open() {
    for (const { frame, shown } of this.#outgoing.kept()) this.#log.pending({ key: frame.key, from: "customer", ...shown }, "waiting");
    this.#to.empty(this.#log.isEmpty);
    this.#live.open();
  }

  /** Writes this as the person would. */
  write(text) {
    this.#put({ type: "say", text }, { text });
  }

  /** Says a file that was sent before, with what stands in the field. */
  attach({ id, name, kind }) {
    const text = this.#taken();
    if (text !== null) this.#put({ type: "say", text, media: id }, { text, files: [{ kind, name, url: "" }] });
  }

  /** A line below the field. */
  tell(text, isBad = false) { this.#help(text, isBad); }

  focus() { this.#field.focus(); }

  #find(name) { return this.#page.querySelector(`[data-${name}]`); }

  #listen() {
    this.#find("write").addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.#field.addEventListener("input", () => { this.#grow(); this.#types(); if (this.#find("help").textContent) this.#help(""); });
    this.#field.addEventListener("keydown", (event) => {
      // While a word is being composed (Hindi, Chinese, ...) Enter belongs to the keyboard.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#submit(); }
    });
  }

  // What the server says

  #hear(frame) {
    if (frame.type === "welcome") this.#most = frame.most;
    if (frame.type === "messages") this.#show(frame.messages);
    else if (frame.type === "accepted") this.#accepted(frame.key);
    else if (frame.type === "refused") this.#refused(frame);
    else if (frame.type === "state") this.#log.keepEnd(() => { this.#find("typing").hidden = !frame.typing; });
    this.#to.frame(frame);
  }

  #show(messages) {
    for (const message of messages) if (message.key) this.#outgoing.done(message.key);
    this.#log.show(messages);
    this.#to.empty(this.#log.isEmpty);
    this.#sendNext();
  }

  #accepted(key) {
    this.#outgoing.done(key);
    this.#log.mark(key, "sent");
    this.#showTrouble("");
    this.#sendNext();
  }

  #refused({ key, why, wait }) {
    if (wait) {
      this.#showTrouble(this.#say(why, { seconds: Math.ceil(wait) }));
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => { this.#showTrouble(""); this.#outgoing.free(); this.#sendNext(); }, wait * 1000 + 50);
      return;
    }
    this.#outgoing.done(key);
    this.#log.fail(key, this.#say(`failed_${why}`, { most: this.#most }));
    this.#sendNext();
  }

  #giveUp(key) {
    if (key) this.#log.fail(key, this.#say("failed_gone"));
    this.#outgoing.done(key);
  }

  #showStatus(status) {
    if (status === "unreadable") { this.#giveUp(this.#outgoing.inFlight); return; }
    this.#showTrouble(status === "ready" ? "" : status === "full" ? this.#say("no_room") : this.#say("offline"));
    if (status !== "ready") this.#find("typing").hidden = true;
    this.#outgoing.free();
    this.#log.markAll(status === "ready" ? "sending" : "waiting");
  }

  #showTrouble(text) {
    const trouble = this.#find("trouble");
    trouble.hidden = !text;
    if (trouble.textContent !== text) trouble.textContent = text;
  }

  // What is written

  // Whoever of ours holds the conversation sees that something is coming.
  #types() {
    if (!this.#live.isReady || Date.now() - this.#typedAt < TYPES_EVERY || !this.#field.value.trim()) return;
    this.#typedAt = Date.now();
    this.#live.send({ type: "typing" });
  }

  // One after the other: what was written first arrives first, whatever happens on the way.
  #sendNext() {
    if (!this.#live.isReady) return;
    const next = this.#outgoing.take();
    if (next) this.#live.send(next);
  }

  #put(frame, shown) {
    const message = { key: crypto.randomUUID?.() ?? randomKey(), ...frame };
    const pending = { key: message.key, from: "customer", at: new Date().toISOString(), ...shown };
    this.#log.pending(pending, this.#live.isReady ? "sending" : "waiting");
    this.#to.empty(false);
    this.#outgoing.add(message, shown);
    this.#sendNext();
  }

  #tap(button, { id }) {
    this.#put({ type: "tap", button: button.id, message: id }, { text: button.title, choice: button.id, asked: id });
  }

  /** What stands in the field, which is empty then; null while it is too long. */
  #taken() {
    const text = (this.#field.value.toWellFormed?.() ?? this.#field.value).trim();
    const over = [...text].length - this.#most;
    if (over > 0) { this.#help(this.#say("too_long", { over })); return null; }
    this.#field.value = "";
    this.#typedAt = 0;
    this.#grow();
    this.#help("");
    return text;
  }

  #submit() {
    const text = this.#taken();
    if (!text) return;
    this.write(text);
    this.focus();
  }

  #help(text, isBad = true) {
    const help = this.#find("help");
    help.textContent = text;
    help.toggleAttribute("data-tone", Boolean(text) && isBad);
    if (text && isBad) help.dataset.tone = "bad";
    this.#field.setAttribute("aria-invalid", text && isBad ? "true" : "false");
  }

  #grow() { // where the browser does not size the field by itself
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight + 2}px`;
  }
}

// Without https a browser has no randomUUID.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
