// The page of the chat: joins what is written, what is shown and the connection.
import { Live } from "./chat-live.js";
import { Log } from "./chat-log.js";
import { Outgoing } from "./chat-outgoing.js";

const page = document.querySelector("[data-chat]");
const find = (name) => page.querySelector(`[data-${name}]`);
const texts = JSON.parse(document.getElementById("chat-texts").textContent);
const say = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, blank) => values[blank]);
const language = document.documentElement.lang;
const isEmbedded = page.dataset.embedded === "yes";

const log = new Log({ view: find("view"), list: find("log"), more: find("new"), moreText: find("new-text"), say, language, tap });
const outgoing = new Outgoing();
const address = new URL(`/chat/live${isEmbedded ? "?embed=1" : ""}`, location.href);
address.protocol = address.protocol.replace("http", "ws");
const live = new Live(address, { hear, status: showStatus, hello: () => ({ after: log.newest, token: keptToken() }) });
const field = find("text");
let most = 4000;
let retry = 0;

// The token of a browser that keeps no cookie for us: in another site's page, or where cookies are off.
function keptToken() {
  try { return localStorage.getItem("chat-token") ?? ""; } catch { return keptToken.value ?? ""; }
}
function keepToken(token) {
  keptToken.value = token;
  try { localStorage.setItem("chat-token", token); } catch { /* kept as long as this page is open */ }
}

function hear(frame) {
  if (frame.type === "welcome") {
    most = frame.most;
    if (frame.token) keepToken(frame.token);
  } else if (frame.type === "messages") {
    for (const message of frame.messages) if (message.key) outgoing.done(message.key);
    log.show(frame.messages);
    find("hello").hidden = !log.isEmpty;
    sendNext();
  } else if (frame.type === "accepted") {
    outgoing.done(frame.key);
    log.mark(frame.key, "sent", frame.at);
    showTrouble("");
    sendNext();
  } else if (frame.type === "refused") {
    refused(frame);
  } else if (frame.type === "state") {
    showHolder(frame.holder);
    log.keepEnd(() => { find("typing").hidden = !frame.typing; });
  }
}

function refused({ key, why, wait }) {
  if (wait) {
    showTrouble(why === "too_fast" ? say("too_fast", { seconds: Math.ceil(wait) }) : say("unavailable"));
    clearTimeout(retry);
    retry = setTimeout(() => { showTrouble(""); outgoing.free(); sendNext(); }, wait * 1000 + 50);
    return;
  }
  outgoing.done(key);
  log.fail(key, say(`failed_${why}`, { most }));
  sendNext();
}

// One after the other: what was written first arrives first, whatever happens on the way.
function sendNext() {
  if (!live.isReady) return;
  const next = outgoing.take();
  if (next) live.send(next);
}

function put(frame, shown) {
  const message = { key: crypto.randomUUID?.() ?? randomKey(), ...frame };
  log.pending({ key: message.key, from: "customer", at: new Date().toISOString(), ...shown }, live.isReady ? "sending" : "waiting");
  find("hello").hidden = true;
  outgoing.add(message, shown);
  sendNext();
}
// Without https a browser has no randomUUID.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
function tap(button) {
  put({ type: "tap", button: button.id }, { text: button.title, choice: button.id });
}

function submit() {
  const text = field.value.trim();
  const over = [...text].length - most;
  if (over > 0) { help(say("too_long", { over })); return; }
  if (!text) return;
  put({ type: "say", text }, { text });
  field.value = "";
  grow();
  help("");
  field.focus();
}

function help(text) {
  find("help").textContent = text;
  find("help").toggleAttribute("data-tone", Boolean(text));
  if (text) find("help").dataset.tone = "bad";
  field.setAttribute("aria-invalid", text ? "true" : "false");
}
function grow() { // where the browser does not size the field by itself
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}
function showHolder(holder) {
  find("head").dataset.holder = holder;
  const who = say(`holder_${holder}`);
  if (find("who").textContent !== who) find("who").textContent = who;
  find("face").classList.toggle("avatar-ai", holder === "ai");
  find("face").querySelector("use").setAttribute("href", { ai: "#i-spark", op: "#i-headset", nobody: "#i-clock" }[holder]);
}
function showTrouble(text) {
  find("trouble").hidden = !text;
  if (find("trouble").textContent !== text) find("trouble").textContent = text;
}
function showStatus(status) {
  showTrouble(status === "ready" ? "" : status === "full" ? say("no_room") : say("offline"));
  if (status !== "ready") find("typing").hidden = true;
  outgoing.free();
  log.markAll(status === "ready" ? "sending" : "waiting");
}

find("write").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
field.addEventListener("input", () => { grow(); if (find("help").textContent) help(""); });
field.addEventListener("keydown", (event) => {
  // While a word is being composed (Hindi, Chinese, ...) Enter belongs to the keyboard.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
});
for (const button of page.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => { put({ type: "say", text: button.textContent }, { text: button.textContent }); field.focus(); });
}
if (isEmbedded) {
  const close = () => parent.postMessage({ switchboard: "close" }, "*"); // says nothing that anybody may not know
  find("close").addEventListener("click", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}
for (const { frame, shown } of outgoing.kept()) log.pending({ key: frame.key, from: "customer", ...shown }, "waiting");
find("hello").hidden = !log.isEmpty;
if (matchMedia("(pointer: fine)").matches && !isEmbedded) field.focus();
live.open();
