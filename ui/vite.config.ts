/* How the control room is built and served while it is worked on. REGIE_UI_OUT: where it goes; REGIE_SERVER: whom `vite` asks for data. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type ProxyOptions } from "vite";

const server = process.env.REGIE_SERVER ?? "http://127.0.0.1:8700";
const API = "^/(w/[^/]+/)?(api|ajax-api|get-artifact|model-versions|health|version|v1)(/|\\?|$)";

/** Host and Origin stay those of the page: the server compares them, and names its cookie after the port. */
const proxied: ProxyOptions = { target: server, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { host: "127.0.0.1", proxy: { [API]: proxied } },
  build: {
    outDir: process.env.REGIE_UI_OUT ?? "../src/regie/_ui",
    emptyOutDir: true,
    license: { fileName: "LICENSES.md" }, // of what is bundled: it travels with it
    manifest: true, // the tests of its size read it
    target: "es2023",
    assetsInlineLimit: 0, // the policy lets no data: address of a font or a script in
    modulePreload: { polyfill: false }, // it would be an inline script
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "plot", test: /node_modules[\\/]uplot/ },
            { name: "virtual", test: /node_modules[\\/]@tanstack[\\/](react-virtual|virtual-core)/ },
          ],
        },
      },
    },
  },
});
