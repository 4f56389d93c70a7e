// Dialogs, and short notices. A dialog gives back what was filled in, or null when one leaves it; Esc leaves it.
import { button, fill, h, icon } from "./desk-dom.js";
import { t } from "./desk-words.js";

let count = 0;

/** `fields`: elements in the dialog; `done`: the word on the main button; `read()`: what to give back; `check()`: why not yet. */
export function ask({ title, mark = "", fields = [], done, read = () => true, check = () => "", cancel = t("cancel"), wide = false }) {
  const id = `dialog-${(count += 1)}`;
  return new Promise((resolve) => {
    let answer = null;
    const problem = h("p", { class: "help", "data-tone": "bad", role: "alert" });
    const form = h("form", { method: "dialog", on: { submit: (event) => {
      event.preventDefault();
      const why = check();
      if (why) { problem.textContent = why; return; }
      answer = read();
      dialog.close();
    } } },
    h("div", { class: "dialog-body" }, h("h2", { id, class: "row" }, mark && icon(mark), title), fields, problem),
    h("div", { class: "dialog-foot" }, button(cancel, { look: "btn-bare", act: () => dialog.close() }),
      done && h("button", { class: "btn btn-main", type: "submit" }, done)));
    const dialog = h("dialog", { class: wide ? "dialog dialog-wide" : "dialog", "aria-labelledby": id, on: {
      close: () => { dialog.remove(); resolve(answer); },
      click: (event) => { if (event.target === dialog) dialog.close(); },
    } }, form);
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[data-first]") ?? dialog.querySelector("input, textarea, select") ?? dialog.querySelector(".btn-main, .btn"))?.focus();
  });
}

export const isAsking = () => Boolean(document.querySelector("dialog[open]"));

export function field(label, control, help = "") {
  const id = `field-${(count += 1)}`;
  control.id = id;
  return h("p", { class: "field" }, h("label", { for: id }, label), control, help && h("span", { class: "help" }, help));
}

export const select = (options, value = "") =>
  h("select", { class: "input" }, options.map(([key, text]) => h("option", { value: key, selected: key === value ? true : null }, text)));

export const area = (value = "", more = {}) => h("textarea", { class: "input", rows: "4", dir: "auto", value, ...more });
export const line = (value = "", more = {}) => h("input", { class: "input", dir: "auto", autocomplete: "off", value, ...more });

let leaving = 0;

/** A short notice that goes by itself; with something to do about it, it stays longer. */
export function toast(text, { mark = "check", act = null, does = "" } = {}) {
  const place = document.querySelector("[data-toasts]");
  const hide = () => fill(place);
  fill(place, h("div", { class: "toast" }, icon(mark), h("span", {}, text), act && button(does, { look: "btn-s", act: () => { hide(); act(); } }),
    button("", { mark: "close", look: "btn-icon btn-s", label: t("dismiss"), act: hide })));
  clearTimeout(leaving);
  leaving = setTimeout(hide, act ? 10_000 : 5000);
}
