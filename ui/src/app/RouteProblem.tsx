/* A page that could not be shown, and an address that none has. */
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { RegieError, Unreachable } from "@/api/error";
import { silentSince } from "@/api/presence";
import { useValue } from "@/api/store";
import { Empty } from "@/design/Empty";
import { Go } from "@/design/Go";
import { Page } from "@/design/Page";
import { isLostPart, Problem } from "@/design/Problem";
import { useWords } from "./i18n";
import { to } from "./links";
import { usePath } from "./url";
import { shellWords } from "./words";

export function RouteProblem({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const { reset: forget } = useQueryErrorResetBoundary();
  const silent = useValue(silentSince);
  const away = useRef(false);
  const said = useWords(shellWords);
  const path = usePath();
  const search = router.state.location.searchStr;
  const retry = () => {
    forget();
    reset();
    void router.invalidate();
  };
  // Where only the server was gone, the page goes on by itself.
  useEffect(() => {
    if (silent === null && error instanceof Unreachable) retry();
    // What a page is made of is fetched but once: where that failed, only a new page has all its parts.
    if (silent === null && away.current && isLostPart(error)) location.reload();
    away.current = silent !== null;
  }, [silent]);
  if (silent !== null && isLostPart(error)) return <Problem error={new Unreachable(location.origin)} />;
  // What the address asks for may be the mistake, and the fields that asked for it are not there to correct it.
  const without = search !== "" && error instanceof RegieError && <Go to={path}>{said.without}</Go>;
  return <Problem error={error} onRetry={retry} beside={without} />;
}

export function NoPage() {
  const said = useWords(shellWords);
  const path = usePath();
  return (
    <Page title={said.noPage}>
      <Empty>
        {said.noPageWhat(path)} <Go to={to.home()}>{said.noPageDo}</Go>
      </Empty>
    </Page>
  );
}
