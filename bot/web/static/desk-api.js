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

  /** Sends a file; `progress` is told how much of it is there (0 to 1). A `signal` that stops it ends in Refused "stopped". */
  upload(path, file, { signal, progress }) {
    const form = new FormData();
    form.append("file", file, file.name);
    const request = new XMLHttpRequest(); // fetch tells nothing of what is on its way
    return new Promise((resolve, reject) => {
      const lost = (code) => () => reject(new Refused(0, code, ""));
      request.open("POST", `/api/v1${path}`);
      request.responseType = "json";
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRF-Token", this.#csrf);
      request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 0));
      request.addEventListener("error", lost("no_answer"));
      request.addEventListener("abort", lost("stopped"));
      request.addEventListener("load", () => (request.status < 300 ? resolve(request.response) : reject(this.#refused(request.status, request.statusText, request.response ?? {}))));
      signal.addEventListener("abort", () => request.abort());
      request.send(form);
    });
  }

  #refused(status, text, told) {
    const error = new Refused(status, told.error?.code ?? "", told.error?.message ?? text, told.error ?? {});
    if (error.isExpired) this.#expired();
    return error;
  }

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
    throw this.#refused(answer.status, answer.statusText, await answer.json().catch(() => ({})));
  }
}

export const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};
