/** @file The look of `report.html`, in light and in dark. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --text: #1d2126; --soft: #626a73; --rule: #e3e4e1;
  --line: #2563a8; --held: #c2541b; --base: #7b828a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --text: #e4e6e8; --soft: #99a1a9; --rule: #31373d;
    --line: #6aa9ea; --held: #f0975c; --base: #8d959d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem;
  background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif;
}
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -0.01em; }
h2 { margin: 2rem 0 0.6rem; font-size: 1.05rem; }
header p { margin: 0.2rem 0 1.4rem; color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 0 0 1.4rem; }
.tiles div {
  flex: 1 1 7.5rem; padding: 0.6rem 0.9rem; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
}
dt { color: var(--soft); font-size: 0.8rem; white-space: nowrap; }
dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
dd small { font-size: 0.75rem; color: var(--soft); }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
figure {
  margin: 0; padding: 0.8rem 0.9rem 0.3rem; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
}
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.2rem 1rem; font-weight: 600; }
.keys { color: var(--soft); font-weight: 400; font-size: 0.85rem; }
.key { display: inline-block; width: 1.1rem; margin: 0 0.35rem 0 0.6rem; vertical-align: 0.25em; border-top: 2.5px solid; }
.key.line { border-color: var(--line); }
.key.held { border-color: var(--held); }
.key.base { border-color: var(--base); border-top-style: dashed; border-top-width: 1.5px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
path { fill: none; stroke-linejoin: round; }
path.grid { stroke: var(--rule); }
path.base { stroke: var(--base); stroke-dasharray: 5 4; }
path.mark { stroke: var(--held); stroke-dasharray: 2 3; }
path.range { fill: var(--line); opacity: 0.16; }
path.line { stroke: var(--line); stroke-width: 1.8; }
path.line.held { stroke: var(--held); }
circle.held { fill: var(--held); }
table {
  width: 100%; border-spacing: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 0.5rem 0.4rem; font-size: 0.85rem;
}
th, td { padding: 0.12rem 0.6rem; text-align: left; vertical-align: top; }
th { width: 1%; color: var(--soft); font-weight: 400; white-space: nowrap; }
td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre {
  margin: 0; padding: 0.9rem 1rem; overflow-x: auto; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; font: 0.82rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
}
pre.sample { white-space: pre-wrap; font: 1rem/1.6 Georgia, "Times New Roman", serif; }
`;
