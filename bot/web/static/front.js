// The front page: the simulated phones, what to try on it, and the way that the last message took.
import { element, icon } from "./chat-log.js";
import { Talk, textsOf } from "./chat-talk.js";
import { Telephone } from "./phone-call.js";

const page = document.querySelector("[data-phone][data-live]");
const caller = document.querySelector("[data-telephone][data-calls]");
const say = textsOf("front-texts");
const talk = page && new Talk({ page, path: page.dataset.live, place: `phone-${page.dataset.who}`, say, to: { frame: hear } });
if (caller) new Telephone(caller, say);

function hear(frame) {
  if (frame.type === "state") showHolder(say(`holder_${frame.holder}`));
  if (frame.type === "path") showPath(frame.steps);
}
function showHolder(who) {
  const shown = page.querySelector("[data-who-holds]");
  if (shown.textContent !== who) shown.textContent = who;
}
function showPath(steps) {
  const list = document.querySelector("[data-path]");
  list.replaceChildren(...steps.map(stepRow));
  list.hidden = steps.length === 0;
  document.querySelector("[data-path-none]").hidden = steps.length > 0;
}
function stepRow({ tone, icon: drawn, title, detail }) {
  const row = element("li", "", icon(drawn), element("span", "", element("strong", "", title), element("span", "tiny quiet block", detail)));
  if (tone) row.dataset.tone = tone;
  return row;
}

for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => talk.write(button.textContent));
}
talk?.open();
