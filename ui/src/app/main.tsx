/* The control room begins: language, theme, queries, routes. */
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "@/api/page";
import { SpeakingProvider } from "./i18n";
import "./mantine.css";
import "./theme.css";
import { manager, showScheme } from "./scheme";
import { resolver, theme } from "./theme";
import { router } from "./router";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
// Where a library makes a style element of its own it asks for this.
(globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = nonce;
showScheme();

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={resolver}
      colorSchemeManager={manager}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
      withGlobalClasses={false}
      deduplicateCssVariables={false}
    >
      <SpeakingProvider>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </SpeakingProvider>
    </MantineProvider>
  </StrictMode>,
);
