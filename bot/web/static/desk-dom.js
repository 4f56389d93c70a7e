// Elements, made safely: whatever people wrote becomes text, never markup.
const SVG = "http://www.w3.org/2000/svg";

/** An element. `props`: attributes by name; `on`: {event: handler}; a value of null or false leaves the attribute out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...kept(children));
  return element;
}

/** Puts these in the place of whatever is in there. */
export function fill(element, ...children) {
  element.replaceChildren(...kept(children));
  return element;
}

const kept = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false && child !== "");

export function icon(name, small = false) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", small ? "i i-s" : "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export function button(text, { mark = "", key = "", look = "", act, label = "", ...more } = {}) {
  const props = { class: `btn ${look}`.trim(), type: "button", "aria-label": label || null, on: act ? { click: act } : {}, ...more };
  return h("button", props, mark && icon(mark), text, key && h("kbd", { "aria-hidden": "true" }, key));
}

export const badge = (text, tone = "", mark = "") =>
  h("span", { class: tone === "line" ? "badge badge-line" : "badge", "data-tone": tone && tone !== "line" ? tone : null }, mark && icon(mark, true), text);

const CHANNELS = { whatsapp: "wa", web: "chat", mobile_app: "chat", voice: "phone", console: "chat" };

export function avatar(person, channel = "", size = "") {
  const via = channel && h("span", { class: "via" }, icon(CHANNELS[channel] ?? "chat"));
  return h("span", { class: `avatar ${size}`.trim(), "aria-hidden": "true" }, person.initials || icon("user"), via);
}

/** What a person wrote or is called: turns by itself where it is written from right to left. */
export const human = (tag, text, props = {}) => h(tag, { dir: "auto", ...props }, text);

/** Keeps a list in step with what it is to show; elements of the same key stay, so nothing that is focused is lost. */
export function keyed(list, items, { key, make, same }) {
  const there = new Map([...list.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  let place = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = there.get(name);
    there.delete(name);
    if (!element || !same(element, item)) {
      const fresh = make(item);
      fresh.dataset.key = name;
      const hadFocus = element?.contains(document.activeElement);
      if (element === place) place = place?.nextElementSibling ?? null;
      element?.remove();
      element = fresh;
      list.insertBefore(element, place);
      if (hadFocus) (element.matches("a, button") ? element : element.querySelector("a, button"))?.focus();
    } else if (element === place) {
      place = place.nextElementSibling;
    } else {
      list.insertBefore(element, place);
    }
  }
  for (const element of there.values()) element.remove();
}

/** An id of ours; without https a browser has no randomUUID. */
export const newKey = () =>
  crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
