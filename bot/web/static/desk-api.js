// The JSON API, as whoever is signed in. An error says in one sentence what was wrong; text is never lost by one.
export class Refused extends Error {
  /** `status` 0: there was no answer. `more`: whatever the API tells besides, such as who holds it. */
  constructor(status, code, message, more = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
  }

  get isLost() { return this.status === 0 || this.status >= 502; }
  get isExpired() { return this.status === 401; }
}

export class Api {
  #csrf;
  #expired;

  constructor(csrf, { expired }) {
    this.#csrf = csrf;
    this.#expired = expired;
  }

  get(path) { return this.#ask("GET", path); }
  post(path, body = {}) { return this.#ask("POST", path, body); }
  put(path, body) { return this.#ask("PUT", path, body); }
  patch(path, body) { return this.#ask("PATCH", path, body); }

  async #ask(method, path, body) {
    const headers = { Accept: "application/json" };
    if (method !== "GET") Object.assign(headers, { "Content-Type": "application/json", "X-CSRF-Token": this.#csrf });
    let answer;
    try {
      answer = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin" });
    } catch {
      throw new Refused(0, "no_answer", "");
    }
    if (answer.ok) return answer.status === 204 ? {} : answer.json();
    const told = await answer.json().catch(() => ({}));
    const error = new Refused(answer.status, told.error?.code ?? "", told.error?.message ?? answer.statusText, told.error ?? {});
    if (error.isExpired) this.#expired();
    throw error;
  }
}

export const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};
