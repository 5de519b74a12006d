import { defineConfig } from 'vite'

export default defineConfig({
  // Where a registry serves what lies beside its pages.
  base: '/console/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing stands in the document itself: its policy forbids it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npm run dev -w web` beside a registry on its usual port.
  server: {
    proxy: {
      '^/(v1|v0|v0\\.1|docs|openapi\\.json|readyz|livez)': 'http://127.0.0.1:7700',
    },
  },
})
