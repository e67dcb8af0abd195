/* What went wrong, as the server says it: a code, what, where, what to do. */
export class RegieError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly what: string,
    readonly where: string,
    readonly todo: string,
  ) {
    super(what);
    this.name = "RegieError";
  }
}

/** No answer at all: the server is gone, or the line to it. */
export class Unreachable extends RegieError {
  constructor(where: string) {
    super(0, "client.unreachable", "", where, "");
  }
}

/** Nobody is signed in, or no longer. */
export class SignedOut extends RegieError {}

/** The error that an answer means. */
export async function errorOf(answer: Response, where: string): Promise<RegieError> {
  const said = await answer.json().catch(() => null);
  const text = (key: string, otherwise: string): string =>
    said !== null && typeof said === "object" && typeof said[key] === "string" ? said[key] : otherwise;
  const kind = answer.status === 401 ? SignedOut : RegieError;
  return new kind(
    answer.status,
    text("code", text("error_code", `http.${answer.status}`)),
    text("what", text("message", answer.statusText)),
    text("where", where),
    text("do", ""),
  );
}
