// The REST API of this server. Errors are the API's own problem documents (RFC 9457).

const ROOT = "/api/v1";
const PATIENCE_MS = 15000;

export class ApiError extends Error {
  // `status` 0: no answer came. `errors`: [{field, rule}].
  constructor(status, problem) {
    super(problem.detail || problem.title);
    this.status = status;
    this.title = problem.title;
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
  }
}

export class Api {
  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const search = new URLSearchParams(given).toString();
    return this.ask("GET", search ? `${path}?${search}` : path);
  }

  post(path, body) {
    return this.ask("POST", path, body);
  }

  delete(path) {
    return this.ask("DELETE", path);
  }

  async ask(method, path, body) {
    const headers = { Accept: "application/json" };
    if (method !== "GET") headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(ROOT + path, {
        method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS),
      });
    } catch (error) {
      const late = error.name === "TimeoutError";
      throw new ApiError(0, { title: "No answer", detail: late ? "The server did not answer in time." : "The server cannot be reached." });
    }
    const text = await response.text();
    if (response.ok) return text ? JSON.parse(text) : null;
    throw new ApiError(response.status, problem(response, text));
  }
}

function problem(response, text) {
  try {
    const found = JSON.parse(text);
    if (found.title) return found;
  } catch {
    // not ours: a proxy's page, say
  }
  return { title: `Refused with status ${response.status}`, detail: "" };
}
