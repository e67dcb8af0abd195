/* Signing in: who is looking? */
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { RegieError } from "@/api/error";
import { useLanguage, useWords } from "@/app/i18n";
import { Mark } from "@/app/Mark";
import { useUrl } from "@/app/url";
import { Button } from "@/design/Button";
import { Command } from "@/design/CopyCommand";
import { useTitle } from "@/design/Page";
import { Problem } from "@/design/Problem";
import { Mark as Shape } from "@/design/State";
import { type SignIn, useSignIn } from "./query";
import styles from "./SignInPage.module.css";
import { signInWords } from "./words";

export function SignInPage() {
  const said = useWords(signInWords);
  const { language, speak } = useLanguage();
  const [search] = useUrl();
  const signIn = useSignIn(search["next"]);
  useTitle(said.title);
  return (
    <article className={styles.page}>
      <header className={styles.head}>
        <span className={styles.name}>
          <Mark /> Regie
        </span>
        <Button look="bare" lang={language === "en" ? "fr" : "en"} onClick={() => speak(language === "en" ? "fr" : "en")}>
          {said.language}
        </Button>
      </header>
      <h1 className={styles.title}>{said.title}</h1>
      <p className={styles.question}>{said.question}</p>
      {signIn.state === "link" || signIn.state === "done" ? (
        <p role="status" className={styles.opening}>
          {said.opening}
        </p>
      ) : signIn.other !== null && signIn.session ? (
        <SomebodyElse of={signIn} now={signIn.session.actor} other={signIn.other} />
      ) : (
        <>
          <Refused of={signIn} />
          <SignedIn of={signIn} />
          <section className={styles.way}>
            <p>{said.link}</p>
            <Command>regie open</Command>
            <p className={styles.hint}>{said.linkDoes}</p>
          </section>
          <TokenForm of={signIn} />
        </>
      )}
    </article>
  );
}

/** The link is for another person than the one who works here: whoever follows it may not know that. */
function SomebodyElse({ of: { goOn, instead }, now, other }: { of: SignIn; now: string; other: string }) {
  const said = useWords(signInWords);
  return (
    <section className={styles.signedIn} role="alert">
      <p>
        <Shape tone="bad" /> <bdi>{said.somebodyElse(now, other)}</bdi>
      </p>
      <p className={styles.hint}>{said.somebodyElseWhy}</p>
      <div className={styles.row}>
        <Button look="main" onClick={goOn}>
          <bdi>{said.stay(now)}</bdi>
        </Button>
        <Button onClick={instead}>
          <bdi>{said.instead(other)}</bdi>
        </Button>
      </div>
    </section>
  );
}

/** Somebody has signed in already: in another tab, or before. */
function SignedIn({ of: { session, goOn } }: { of: SignIn }) {
  const said = useWords(signInWords);
  if (!session) return null;
  return (
    <section className={styles.signedIn} role="status">
      <p>
        <Shape tone="good" /> <bdi>{said.already(session.actor)}</bdi>
      </p>
      <Button look="main" onClick={goOn}>
        {said.goOn}
      </Button>
      <p className={styles.hint}>{said.other}</p>
    </section>
  );
}

function Refused({ of: { error, tried } }: { of: SignIn }) {
  const said = useWords(signInWords);
  if (error === null) return null;
  const code = error instanceof RegieError ? error.code : "";
  if (code !== "session.refused" && code !== "session.too_many") return <Problem small error={error} />;
  return (
    <div role="alert" className={styles.refused}>
      <p>
        <Shape tone="bad" /> {code === "session.too_many" ? said.many : tried === "code" ? said.refusedCode : said.refusedToken}
      </p>
    </div>
  );
}

function TokenForm({ of: { state, error, tried, withToken } }: { of: SignIn }) {
  const said = useWords(signInWords);
  const [token, setToken] = useState("");
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const [id, hint] = [useId(), useId()];
  const refused = error !== null && tried === "token";
  useEffect(() => {
    if (refused) field.current?.focus();
  }, [refused]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (state === "sending") return;
    setMissing(token.trim() === "");
    if (token.trim() !== "") withToken(token.trim());
    setToken("");
  };
  return (
    <form className={styles.way} onSubmit={submit} noValidate>
      <h2 className={styles.or}>{said.or}</h2>
      <label htmlFor={id} className={styles.label}>
        {said.token}
      </label>
      <div className={styles.row}>
        <input
          id={id}
          ref={field}
          className={styles.field}
          type="password"
          autoComplete="off"
          spellCheck={false}
          maxLength={200}
          value={token}
          aria-invalid={missing || refused || undefined}
          aria-describedby={hint}
          onChange={(event) => {
            setToken(event.target.value);
            setMissing(false);
          }}
        />
        <Button type="submit" look="main" off={state === "sending"}>
          {state === "sending" ? said.going : said.go}
        </Button>
      </div>
      <p id={hint} className={missing ? styles.missing : styles.hint}>
        {missing ? said.missing : said.tokenHint}
      </p>
    </form>
  );
}
