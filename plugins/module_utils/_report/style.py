# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet of every page: light, dark and on paper. Colours have names of what they mean, never of what they look like."""

from __future__ import annotations

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f4f6f5; --surface: #ffffff; --sunk: #edf1f1; --ink: #16222b; --muted: #586872; --line: #d9e0e2;
  --accent: #0a6272; --accent-soft: #d8ecef; --good: #1b7a4b; --good-soft: #dcf1e5; --bad: #b3261e; --bad-soft: #fae1df;
  --warn: #94590a; --warn-soft: #fbecd2; --info: #2a5fa5; --info-soft: #e0eafa; --unknown: #6a5a8c; --unknown-soft: #ebe6f5;
  --phase-prepare: #a9bac2; --phase-replicate: #5d95b3; --phase-ready: #86b6a4; --phase-cut: #d5641c; --phase-observe: #4d9a77;
  --phase-back: #8a5fb0; --phase-failed: #b3261e;
  --shadow: 0 1px 2px rgb(16 30 40 / 6%), 0 4px 16px rgb(16 30 40 / 5%);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e151a; --surface: #162027; --sunk: #1d2931; --ink: #e5ecef; --muted: #97a8b3; --line: #2b3942;
    --accent: #63c6d6; --accent-soft: #14343b; --good: #5fcf93; --good-soft: #14352a; --bad: #f58b82; --bad-soft: #45201f;
    --warn: #e9b15c; --warn-soft: #3d2e14; --info: #8ab6f2; --info-soft: #1b2f4a; --unknown: #bda9e8; --unknown-soft: #2e2745;
    --phase-prepare: #5f7582; --phase-replicate: #4583a5; --phase-ready: #4f8f79; --phase-cut: #ee8540; --phase-observe: #56b98c;
    --phase-back: #a883d0; --phase-failed: #f58b82;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 4rem; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code, pre, .mono { font-family: var(--mono); font-size: .875em; }
code { overflow-wrap: anywhere; }
pre { margin: .5rem 0; padding: .6rem .8rem; background: var(--sunk); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; z-index: 9; padding: .5rem 1rem; background: var(--surface); }
.wrap { max-width: 1180px; margin: 0 auto; padding: 0 1.25rem; }
main.wrap { padding-bottom: 4rem; }

/* The bar at the top: who made this page, and the way around in it */
.bar { position: sticky; top: 0; z-index: 5; background: color-mix(in srgb, var(--ground) 90%, transparent); backdrop-filter: blur(8px);
  border-bottom: 1px solid var(--line); }
.bar .wrap { display: flex; gap: .25rem 1.25rem; align-items: baseline; padding-block: .6rem; overflow-x: auto; }
.brand { font-weight: 700; letter-spacing: .01em; white-space: nowrap; }
.brand span { color: var(--muted); font-weight: 400; }
.bar nav { display: flex; gap: 1rem; margin-left: auto; }
.bar nav a { color: var(--muted); text-decoration: none; font-size: .9rem; white-space: nowrap; }
.bar nav a:hover { color: var(--accent); text-decoration: underline; }

/* The verdict */
.hero { padding: 2.25rem 0 1.25rem; }
.hero h1 { margin: 0; font-size: clamp(2rem, 5vw, 3.1rem); line-height: 1.1; letter-spacing: -.02em; text-wrap: balance; }
.hero .lead { margin: .75rem 0 0; font-size: 1.15rem; color: var(--muted); max-width: 62ch; }
.hero .eyebrow { margin: 0 0 .5rem; font-size: .8rem; font-weight: 600; letter-spacing: .09em; text-transform: uppercase; color: var(--muted); }
.hero.good h1 { color: var(--good); } .hero.bad h1 { color: var(--bad); } .hero.unknown h1 { color: var(--unknown); }
.hero ul { margin: .9rem 0 0; padding-left: 1.2rem; max-width: 75ch; }

/* Figures */
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: .75rem; margin: 1rem 0 0; padding: 0; }
@media (max-width: 560px) { .figures { grid-template-columns: 1fr 1fr; } }
.figure { margin: 0; padding: .85rem 1rem .9rem; background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
  box-shadow: var(--shadow); border-top: 3px solid var(--line); }
.figure dt { font-size: .85rem; color: var(--muted); }
.figure dd { margin: 0; }
.figure .value { display: block; font-size: 1.55rem; font-weight: 650; line-height: 1.2; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.figure .value small { font-size: .95rem; font-weight: 500; color: var(--muted); }
.figure .note { display: block; font-size: .82rem; color: var(--muted); }
.figure.good { border-top-color: var(--good); } .figure.bad { border-top-color: var(--bad); } .figure.warn { border-top-color: var(--warn); }
.figure.unknown { border-top-color: var(--unknown); }
.figure.bad .value { color: var(--bad); } .figure.unknown .value { color: var(--unknown); font-size: 1.25rem; line-height: 1.68; }

/* Sections and cards */
section { margin-top: 2.5rem; }
h2 { margin: 0 0 .35rem; font-size: 1.4rem; letter-spacing: -.01em; }
h3 { margin: 1.25rem 0 .35rem; font-size: 1.05rem; }
.about { margin: 0 0 .9rem; color: var(--muted); max-width: 75ch; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 1rem 1.15rem; }
.card + .card { margin-top: .75rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: .75rem; align-items: start; }
.columns > .card + .card { margin-top: 0; }
.empty { color: var(--muted); font-style: italic; margin: 0; }
.muted { color: var(--muted); } .small { font-size: .875rem; } .nowrap { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }

details.card > summary { cursor: pointer; list-style: none; display: flex; flex-wrap: wrap; gap: .3rem .75rem; align-items: baseline; }
details.card > summary::-webkit-details-marker { display: none; }
details.card > summary::before { content: "+"; font-family: var(--mono); color: var(--muted); width: .8em; flex: none; }
details.card[open] > summary::before { content: "-"; }
details.card > summary .title { font-weight: 600; }
details.card > summary .push { margin-left: auto; }
details.card[open] > summary { margin-bottom: .6rem; }

/* Badges say a state in words; the colour only repeats it */
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 999px; font-size: .78rem; font-weight: 600; white-space: nowrap;
  background: var(--sunk); color: var(--muted); }
.badge.good { background: var(--good-soft); color: var(--good); } .badge.bad { background: var(--bad-soft); color: var(--bad); }
.badge.warn { background: var(--warn-soft); color: var(--warn); } .badge.info { background: var(--info-soft); color: var(--info); }
.badge.unknown { background: var(--unknown-soft); color: var(--unknown); } .badge.accent { background: var(--accent-soft); color: var(--accent); }

/* Tables scroll sideways in their own box, never the page */
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
caption { text-align: left; color: var(--muted); font-size: .875rem; padding-bottom: .4rem; }
th { text-align: left; font-weight: 600; font-size: .82rem; color: var(--muted); }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th.number { text-align: right; }
.journal { margin-top: .9rem; } .journal td:nth-child(-n+2) { white-space: nowrap; overflow-wrap: normal; } .journal th:last-child { width: 100%; }
tbody tr:last-child > * { border-bottom: 0; }
dl.pairs { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dl.pairs dt { color: var(--muted); font-size: .875rem; } dl.pairs dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) { dl.pairs { grid-template-columns: 1fr; } dl.pairs dd { margin-bottom: .5rem; } }

/* Charts: SVG with classes, so that they follow the colours of light, dark and paper */
svg { display: block; max-width: 100%; }
svg text { fill: var(--muted); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
svg .strong { fill: var(--ink); font-weight: 600; }
svg .rule { stroke: var(--line); stroke-width: 1; }
svg .band { fill: var(--accent); opacity: .22; } svg .p50 { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; }
svg .max { fill: var(--muted); opacity: .6; } svg .requests { fill: var(--muted); opacity: .35; } svg .failed { fill: var(--bad); }
svg .limit { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 5 4; opacity: .7; }
svg .cut { stroke: var(--phase-cut); stroke-width: 1.2; opacity: .8; }
svg .hold { fill: var(--phase-cut); opacity: .3; } svg .answered { fill: var(--accent); opacity: .75; } svg .lane { fill: var(--sunk); }
svg .play { fill: var(--accent-soft); } svg .gone { fill: var(--bad-soft); stroke: var(--bad); stroke-dasharray: 3 2; }
svg .hit { fill: transparent; }
svg .hit:hover { fill: var(--ink); opacity: .12; } svg .before { fill: var(--muted); opacity: .55; } svg .after { fill: var(--good); }
svg .box { fill: var(--surface); stroke: var(--line); } svg .box.off { fill: var(--sunk); stroke-dasharray: 4 3; }
svg .link { fill: none; stroke: var(--muted); stroke-width: 1.4; opacity: .55; } svg .link.committed { stroke: var(--good); opacity: .8; }
svg .link.rolled_back { stroke: var(--warn); }
svg .link.failed { stroke: var(--bad); opacity: 1; } svg .link.planned { stroke-dasharray: 4 4; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .6rem 0 0; padding: 0; list-style: none; font-size: .85rem;
  color: var(--muted); }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin-right: .4em; vertical-align: -.05em;
  background: currentcolor; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--muted); font-size: .875rem; }

@media print {
  :root { color-scheme: light; --ground: #fff; --surface: #fff; --sunk: #f3f3f3; --ink: #000; --muted: #444; --line: #bbb; --shadow: none;
    --accent: #0a4f5c; --accent-soft: #eee; --good: #0f5c35; --good-soft: #eee; --bad: #9a1710; --bad-soft: #eee; --warn: #6d4000; --warn-soft: #eee;
    --info: #1b4580; --info-soft: #eee; --unknown: #4b3c70; --unknown-soft: #eee;
    --phase-prepare: #a9bac2; --phase-replicate: #5d95b3; --phase-ready: #86b6a4; --phase-cut: #d5641c; --phase-observe: #4d9a77;
    --phase-back: #8a5fb0; --phase-failed: #b3261e; }
  body { font-size: 10.5pt; } .bar { position: static; } .bar nav, .controls, .skip { display: none !important; }
  .hero { padding-top: .5rem; } section { margin-top: 1.5rem; } .card, .figure { break-inside: avoid; box-shadow: none; }
  details.card > summary::before { content: ""; width: 0; } h2 { break-after: avoid; } a { color: inherit; text-decoration: none; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
