// The page of the chat: the conversation, who holds it, and how it closes inside another site's page.
import { attaching } from "./chat-attach.js";
import { Talk, textsOf } from "./chat-talk.js";

const page = document.querySelector("[data-chat]");
const find = (name) => page.querySelector(`[data-${name}]`);
const say = textsOf("chat-texts");
const isEmbedded = page.dataset.embedded === "yes";

const talk = new Talk({
  page,
  path: `/chat/live${isEmbedded ? "?embed=1" : ""}`,
  place: "chat-outgoing",
  say,
  to: { hello: () => ({ token: keptToken() }), frame: hear, empty: (isEmpty) => { find("hello").hidden = !isEmpty; } },
});

attaching({
  page,
  path: `/chat/media${isEmbedded ? "?embed=1" : ""}`,
  headers: () => (keptToken() ? { "X-Chat-Token": keptToken() } : {}),
  say,
  tell: (text, isBad) => talk.tell(text, isBad),
  done: (file) => talk.attach(file),
});

// The token of a browser that keeps no cookie for us: in another site's page, or where cookies are off.
function keptToken() {
  try { return localStorage.getItem("chat-token") ?? ""; } catch { return keptToken.value ?? ""; }
}
function keepToken(token) {
  keptToken.value = token;
  try { localStorage.setItem("chat-token", token); } catch { /* kept as long as this page is open */ }
}

function hear(frame) {
  if (frame.type === "welcome" && frame.token) keepToken(frame.token);
  if (frame.type === "state") showHolder(frame.holder);
}
function showHolder(holder) {
  find("head").dataset.holder = holder;
  const who = say(`holder_${holder}`);
  if (find("who").textContent !== who) find("who").textContent = who;
  find("face").classList.toggle("avatar-ai", holder === "ai");
  find("face").querySelector("use").setAttribute("href", { ai: "#i-spark", op: "#i-headset", nobody: "#i-clock" }[holder]);
}

for (const button of page.querySelectorAll("[data-start]")) {
  button.addEventListener("click", () => { talk.write(button.textContent); talk.focus(); });
}
if (isEmbedded) {
  const close = () => parent.postMessage({ switchboard: "close" }, "*"); // says nothing that anybody may not know
  find("close").addEventListener("click", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}
if (matchMedia("(pointer: fine)").matches && !isEmbedded) talk.focus();
talk.open();
