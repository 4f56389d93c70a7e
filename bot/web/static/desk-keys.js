// Keys. Single letters work only outside of fields, and can be switched off; whatever has a key also has a button.
import { h } from "./desk-dom.js";
import { ask, isAsking } from "./desk-dialog.js";
import { t } from "./desk-words.js";

const OFF = "desk-keys-off";
const isOff = () => { try { return localStorage.getItem(OFF) === "yes"; } catch { return false; } };
const HELP = [["J", "key_next"], ["K", "key_before"], ["T", "take_over"], ["R", "reply"], ["N", "note"], ["/", "canned"], ["B", "hand_back"], ["X", "transfer"],
  ["Z", "snooze"], ["E", "resolve"], ["#", "tags"], ["Ctrl K", "search"], ["Ctrl ↵", "send"], ["Esc", "key_back"], ["?", "key_help"]];

export function listenToKeys(desk) {
  const keys = {
    j: () => desk.queue.step(1), k: () => desk.queue.step(-1),
    t: () => desk.acts.do("take-over"), b: () => desk.acts.do("hand-back"), x: () => desk.acts.do("transfer"),
    z: () => desk.acts.do("snooze"), e: () => desk.acts.do("resolve"), "#": () => desk.acts.do("tags"),
    r: () => { desk.composer.mode("reply"); desk.composer.focus(); },
    n: () => { desk.composer.mode("note"); desk.composer.focus(); },
    "/": () => { desk.composer.mode("reply"); if (desk.composer.isReply) desk.canned.begin(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "k") { event.preventDefault(); desk.search.open(); return; }
    if (isAsking()) return;
    if ((event.ctrlKey || event.metaKey) && key === "enter" && event.target === desk.composer.field) {
      event.preventDefault();
      desk.composer.field.form.requestSubmit();
      return;
    }
    if (key === "escape") { desk.back(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "?") { event.preventDefault(); help(); return; }
    if (isOff() || !(key in keys)) return;
    event.preventDefault();
    keys[key]();
  });
}

export async function help() {
  const off = h("input", { type: "checkbox", checked: isOff() ? null : true });
  off.addEventListener("change", () => { try { localStorage.setItem(OFF, off.checked ? "no" : "yes"); } catch { /* until the page is closed */ } });
  await ask({ title: t("keys"), mark: "key", cancel: t("close"), fields: [
    h("ul", { class: "keys" }, HELP.map(([key, text]) => h("li", {}, h("kbd", {}, key), " ", t(text)))),
    h("label", { class: "row small" }, off, t("single_keys"))] });
}
