/* What stands around every page: navigation, who is signed in, whether the server answers. */
import { Outlet, useRouter } from "@tanstack/react-router";
import { Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useWords } from "./i18n";
import { Problem } from "@/design/Problem";
import { Dialog } from "@/design/Dialog";
import { Loading } from "@/design/Page";
import { DrivenClocks, DrivenHere } from "@/design/Time";
import { GoneBanner } from "./GoneBanner";
import { to } from "./links";
import { Navigation } from "./Navigation";
import { Palette, PaletteButton } from "./Palette";
import { type Session, SessionProvider, useAskSession } from "./session";
import styles from "./Shell.module.css";
import { UnknownWorkspace } from "./UnknownWorkspace";
import { usePath, useShownAddress, useWorkspace } from "./url";
import { shellWords } from "./words";

const SIGN_IN = "/sign-in";

export function Shell() {
  const path = usePath();
  return path === SIGN_IN ? <Outside /> : <Inside />;
}

/** The page for signing in stands alone. */
function Outside() {
  return (
    <main className={styles.outside} data-shown={useShownAddress()}>
      <Suspense fallback={<Loading />}>
        <Outlet />
      </Suspense>
    </main>
  );
}

function Inside() {
  const { session, error } = useAskSession();
  const router = useRouter();
  useEffect(() => {
    if (session !== null) return;
    const { pathname, searchStr } = router.state.location;
    void router.history.replace(to.signIn(`${pathname}${searchStr}`));
  }, [session, router]);
  if (session) return <Around session={session} />;
  return (
    <main className={styles.outside}>{error && session === undefined ? <Problem error={error} onRetry={() => location.reload()} /> : <Loading />}</main>
  );
}

function Around({ session }: { session: Session }) {
  const said = useWords(shellWords);
  const path = usePath();
  const shown = useShownAddress();
  const workspace = useWorkspace();
  const [open, setOpen] = useState(false);
  const page = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    setOpen(false);
    // The link that led here is gone: the keyboard goes on from the page, not from the top of all.
    if (before.current !== path && document.activeElement === document.body) page.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  const driven = useMemo(
    () => Object.fromEntries(session.workspaces.filter((one) => one.driven).map((one) => [one.name, one.now_ms])),
    [session],
  );
  return (
    <SessionProvider session={session}>
      <DrivenClocks value={driven}>
        <a className={styles.skip} href="#page" onClick={(event) => {
          event.preventDefault();
          page.current?.focus();
        }}>
          {said.skip}
        </a>
        <div className={styles.shell}>
          <div className={styles.side}>
            <Navigation />
          </div>
          <div className={styles.bar}>
            <button type="button" className={styles.burger} aria-label={said.open} aria-haspopup="dialog" onClick={() => setOpen(true)}>
              <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" stroke="currentColor" strokeWidth="1.5">
                <path d="M1 3.5h14M1 8h14M1 12.5h14" />
              </svg>
            </button>
            <span className={styles.name}>Regie</span>
            <PaletteButton small />
          </div>
          <Dialog open={open} onClose={() => setOpen(false)} title={said.navigation} place="side" quiet>
            <Navigation />
          </Dialog>
          <main className={styles.main} id="page" ref={page} tabIndex={-1} data-shown={shown}>
            <GoneBanner />
            <UnknownWorkspace />
            <Suspense fallback={<Loading />} key={path}>
              <DrivenHere value={driven[workspace] !== undefined}>
                <Outlet />
              </DrivenHere>
            </Suspense>
          </main>
        </div>
        <Palette />
      </DrivenClocks>
    </SessionProvider>
  );
}
