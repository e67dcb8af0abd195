/* Addresses to pages. Each page is a chunk of its own, fetched when a link to it is pointed at. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, useParams } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { Loading } from "@/design/Page";
import { NoPage, RouteProblem } from "./RouteProblem";
import { PAGES, type PageEntry } from "./pages";
import { Shell } from "./Shell";
import { parseSearch, stringifySearch } from "./url";

const root = createRootRoute({ component: Shell, notFoundComponent: NoPage, errorComponent: RouteProblem });

function routeOf({ path, load }: PageEntry) {
  const Lazy = lazyRouteComponent(() => load().then((it) => ({ default: it }))) as ComponentType<object> & { preload?: () => Promise<void> };
  const Route = () => <Lazy {...(useParams({ strict: false }) as object)} />;
  Route.preload = Lazy.preload;
  return createRoute({ getParentRoute: () => root, path, component: Route, errorComponent: RouteProblem });
}

export const router = createRouter({
  routeTree: root.addChildren(PAGES.map(routeOf)),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPendingComponent: Loading,
  scrollRestoration: true,
  defaultStructuralSharing: true,
});
